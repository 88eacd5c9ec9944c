/// Joins what is known of a pool with what is known of its pods: one method per event, which returns what to do. No I/O.
///
/// When the pool selects other pods than before, the pods that were known are served, with the pool as it was, until the new ones
/// have all been listed: the change is one step.
package struct PoolJoin: Sendable {
  /// The pods that a watch has to tell.
  package struct Wanted: Equatable, Sendable {
    /// Names the watch in `podsChanged`, so that one that has not ended yet is not taken for the new one.
    package var generation: Int
    package var selector: LabelSelector
  }

  /// What to do after an event.
  package enum Action: Equatable, Sendable {
    case nothing
    /// Follow these pods, and no others any longer.
    case follow(Wanted)
    /// The endpoints may be others now.
    case publish
    /// Follow no pods; there are no endpoints.
    case clear
  }

  private struct Followed: Sendable {
    var generation: Int
    var definition: PoolEndpoints.Definition
    var pods = ResourcePicture<Pod>()
  }

  private enum State: Sendable {
    /// There is no pool.
    case empty
    /// The pods of `next` have not all been told; `served` is what was known before.
    case changing(next: Followed, served: Followed?)
    case serving(Followed)
  }

  private var state = State.empty
  private var generations = 0

  package init() {}

  /// What endpoints are made of; nil while there is no pool, and until its pods have been told for the first time.
  package var served: (definition: PoolEndpoints.Definition, pods: [Pod])? {
    switch state {
    case .empty, .changing(_, served: nil): nil
    case .changing(_, let served?), .serving(let served): (served.definition, Array(served.pods.objects.values))
    }
  }

  /// The pool is this one now; nil when it does not exist.
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

  /// A watch has told a change of the pods.
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
