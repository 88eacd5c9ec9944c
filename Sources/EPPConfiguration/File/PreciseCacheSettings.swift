/// What a configuration file says of the engines' KV events (`precise-prefix-cache-producer`). Flags that say the same come
/// first.
package struct PreciseCacheSettings: Sendable, Equatable {
  /// The anchor's `socketPort`, which is vLLM's.
  static let defaultPort: UInt16 = 5557

  /// Where every engine publishes; nil when they connect to the picker, or the endpoints file says where.
  package var eventsPort: UInt16? = Self.defaultPort
  /// Where the picker listens for engines that connect to it.
  package var eventsBind: String?
  /// Whether what was just sent to an engine counts before it announces it; nil when the file does not say.
  package var speculates: Bool?

  package init() {}
}
