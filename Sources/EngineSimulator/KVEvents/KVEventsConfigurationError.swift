/// What is wrong with the text of a configuration.
package struct KVEventsConfigurationError: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}
