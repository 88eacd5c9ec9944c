/// Puts endpoints into the store beside those of flags and files.
package protocol EndpointSource: Sendable {
  /// Discovers endpoints until the task is cancelled, and leaves the last ones in the store. Called once.
  func run() async

  /// Waits until the source was read once and its endpoints (possibly none) are in the store, or until the task is cancelled.
  ///
  /// - Returns: whether the source was read.
  func waitUntilRead() async -> Bool
}
