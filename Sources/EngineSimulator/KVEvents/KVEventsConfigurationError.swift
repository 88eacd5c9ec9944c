/// Why a text is not a valid configuration of KV events.
package struct KVEventsConfigurationError: Error, CustomStringConvertible {
  package let description: String

  init(_ description: String) { self.description = description }
}
