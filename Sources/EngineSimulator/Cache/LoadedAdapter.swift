/// A LoRA adapter that an engine has loaded.
package struct LoadedAdapter: Sendable, Equatable {
  package var name: String
  package var path: String
  /// Counts the adapters that this engine has loaded, from 1.
  package var number: Int

  package init(name: String, path: String, number: Int = 1) {
    self.name = name
    self.path = path
    self.number = number
  }
}
