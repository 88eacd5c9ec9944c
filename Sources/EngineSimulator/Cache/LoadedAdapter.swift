/// A LoRA adapter that an engine has loaded.
package struct LoadedAdapter: Sendable, Equatable {
  /// The name under which requests use it.
  package var name: String
  /// The path from which it was loaded.
  package var path: String
  /// The adapter's number in the order of loading, from 1.
  package var number: Int

  package init(name: String, path: String, number: Int = 1) {
    self.name = name
    self.path = path
    self.number = number
  }
}
