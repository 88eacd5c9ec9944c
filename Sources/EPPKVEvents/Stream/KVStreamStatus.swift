/// The state of one stream, for the status page.
package struct KVStreamStatus: Sendable, Equatable, Codable {
  /// The endpoint's name.
  package var endpoint: String
  /// The data-parallel rank.
  package var rank: Int
  /// The publisher's address; nil when the engine connects to this process.
  package var events: String?
  /// The address of the replay socket; nil when there is none.
  package var replay: String?
  /// Whether the subscription is connected.
  package var isConnected: Bool
  /// How reliable the known contents of the cache are.
  package var state: KVStreamState
  /// Why the stream is degraded, in a sentence; nil when it is not.
  package var reason: String?
  /// Whether picks rely on the stream.
  package var isFollowed: Bool
  /// The number of the next expected message.
  package var nextMessage: UInt64
  /// Applied messages.
  package var messages: Int
  /// Lost messages.
  package var lostMessages: UInt64
  /// Messages that could not be decoded.
  package var unreadableMessages: Int
  /// Messages that wait for a replay.
  package var heldMessages: Int
  /// Detected restarts of the engine.
  package var restarts: UInt64
  /// How the engine hashes its blocks: `sha256`, `sha256_cbor`, `other`, or `unknown` until it is determined.
  package var blockHashes: String
  /// Seconds since the last message; nil before the first.
  package var silentFor: Double?
}
