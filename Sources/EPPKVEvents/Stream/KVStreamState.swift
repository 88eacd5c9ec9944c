/// How far what is known of an engine's cache can be trusted.
package enum KVStreamState: String, Sendable, Equatable, CaseIterable, Codable {
  /// Nothing has come yet.
  case waiting
  /// Missing messages are being fetched; new ones wait.
  case replaying
  /// Every message since the cache was last empty has been applied.
  case live
  /// Messages are followed, but some are lost for good, so that blocks may be known that are gone, or gone that are known; or most
  /// of the engine's blocks cannot be indexed.
  case degraded
}
