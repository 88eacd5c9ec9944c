/// What is known of one stream at a moment, for the status page.
package struct KVStreamStatus: Sendable, Equatable, Codable {
  package var endpoint: String
  /// Data-parallel rank.
  package var rank: Int
  /// Where the engine publishes; nil when it connects to this process.
  package var events: String?
  package var replay: String?
  package var isConnected: Bool
  package var state: KVStreamState
  /// Why it is degraded, in a sentence; nil when it is not.
  package var reason: String?
  /// Whether picks rely on the stream.
  package var isFollowed: Bool
  /// The number of the message that is expected next.
  package var nextMessage: UInt64
  /// Messages that were applied.
  package var messages: Int
  package var lostMessages: UInt64
  package var unreadableMessages: Int
  /// Messages that wait for a replay.
  package var heldMessages: Int
  package var restarts: UInt64
  /// How the engine hashes its blocks: `sha256`, `sha256_cbor`, `other`, or `unknown` as long as it has announced nothing
  /// that tells.
  package var blockHashes: String
  /// Seconds since the last message; nil before the first.
  package var silentFor: Double?
}
