/// Cached objects of a kind, kept up to date by the changes of a watch.
package struct ResourceCache<Resource: KubernetesResource>: Sendable {
  /// Objects by namespace and name.
  package private(set) var objects: [ObjectKey: Resource] = [:]
  /// Whether a complete list has been applied.
  package private(set) var isComplete = false

  package init() {}

  /// Applies a change and returns whether the cache differs from before. The first complete list always counts as a difference.
  @discardableResult
  package mutating func apply(_ change: ResourceChange<Resource>) -> Bool {
    switch change {
    case .replaced(let all, let unreadable):
      let before = objects
      let wasComplete = isComplete
      objects = before.filter { unreadable.contains($0.key) }
      for object in all { objects[object.key] = object }
      isComplete = true
      return !wasComplete || objects != before
    case .upserted(let object):
      let before = objects.updateValue(object, forKey: object.key)
      return before != object
    case .deleted(let key):
      return objects.removeValue(forKey: key) != nil
    }
  }
}
