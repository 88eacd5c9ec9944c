package import EPPCore

/// A state machine that joins a pool with its pods: one method per event, which returns what to do. No I/O.
///
/// When the selector of the pool changes, the previous pods are served with the previous definition until all new pods have
/// been listed, so that the endpoints change in one step.
package struct PoolJoin: Sendable {
  /// The pods to watch.
  package struct Wanted: Equatable, Sendable {
    /// Number of the watch, passed to `podsChanged`, so that changes from an older watch that has not ended yet are ignored.
    package var generation: Int
    package var selector: LabelSelector
  }

  /// Action after an event.
  package enum Action: Equatable, Sendable {
    case nothing
    /// Watch these pods, and end the previous watch.
    case follow(Wanted)
    /// Compute the endpoints again and put them into the store.
    case publish
    /// End the watch of pods and remove all endpoints.
    case clear
  }

  private struct Followed: Sendable {
    var generation: Int
    var definition: PoolEndpoints.Definition
    var pods = ResourceCache<Pod>()
  }

  private enum State: Sendable {
    /// There is no pool.
    case empty
    /// The pods of `next` are not completely listed. `served` is the previous state; nil when there was none.
    case changing(next: Followed, served: Followed?)
    case serving(Followed)
  }

  private var state = State.empty
  private var generations = 0

  package init() {}

  /// Whether pods are watched: there is a pool.
  package var followsPods: Bool { if case .empty = state { false } else { true } }

  /// Definition and pods of the endpoints; nil while there is no pool, and until its pods have been listed for the first time.
  package var served: (definition: PoolEndpoints.Definition, pods: [Pod])? {
    switch state {
    case .empty, .changing(_, served: nil): nil
    case .changing(_, let served?), .serving(let served): (served.definition, Array(served.pods.objects.values))
    }
  }

  /// Records the current definition of the pool (nil when there is no pool) and returns what to do.
  package mutating func poolChanged(to definition: PoolEndpoints.Definition?) -> Action {
    guard let definition else {
      if case .empty = state { return .nothing }
      state = .empty
      return .clear
    }
    switch state {
    case .empty: return follow(definition, serving: nil)
    case .changing(var next, let served):
      guard next.definition.selector == definition.selector else { return follow(definition, serving: served) }
      next.definition = definition
      state = .changing(next: next, served: served)
      return .nothing
    case .serving(var followed):
      guard followed.definition.selector == definition.selector else { return follow(definition, serving: followed) }
      guard followed.definition != definition else { return .nothing }
      followed.definition = definition
      state = .serving(followed)
      return .publish
    }
  }

  /// Records a change of the pods from the watch with this number and returns what to do.
  package mutating func podsChanged(_ change: ResourceChange<Pod>, generation: Int) -> Action {
    switch state {
    case .changing(var next, let served) where next.generation == generation:
      next.pods.apply(change)
      state = next.pods.isComplete ? .serving(next) : .changing(next: next, served: served)
      return next.pods.isComplete ? .publish : .nothing
    case .serving(var followed) where followed.generation == generation:
      let hasChanged = followed.pods.apply(change)
      state = .serving(followed)
      return hasChanged ? .publish : .nothing
    case .empty, .changing, .serving: return .nothing
    }
  }

  private mutating func follow(_ definition: PoolEndpoints.Definition, serving served: Followed?) -> Action {
    generations += 1
    state = .changing(next: Followed(generation: generations, definition: definition), served: served)
    return .follow(Wanted(generation: generations, selector: definition.selector))
  }
}
