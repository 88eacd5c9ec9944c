/// The objects of a kind, as the changes of a watch have told them.
package struct ResourcePicture<Resource: KubernetesResource>: Sendable {
  /// By namespace and name.
  package private(set) var objects: [ObjectKey: Resource] = [:]
  /// Whether all objects have been told once.
  package private(set) var isComplete = false

  package init() {}

  /// Takes a change over; whether anything is another thing now.
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
