/// How reliable the known contents of an engine's cache are.
package enum KVStreamState: String, Sendable, Equatable, CaseIterable, Codable {
  /// No message has arrived.
  case waiting
  /// Missing messages are being fetched; new ones wait.
  case replaying
  /// Every message since the cache was last empty has been applied.
  case live
  /// Messages are applied, but some are lost, so that known blocks may be gone and present blocks unknown; or most of the
  /// engine's blocks cannot be indexed.
  case degraded
}
