/// How the engines' prefix caches are followed.
package struct CacheSettings: Sendable, Equatable {
  package var mode = PrefixMode.auto
  /// Whether what was just sent to an engine counts before it announces it.
  package var speculates = true
  /// Ports of every engine's KV events and of their replay; nil when only the endpoints file names them.
  package var eventsPort: UInt16?
  package var replayPort: UInt16?
  /// Data-parallel ranks behind one endpoint.
  package var dataParallelSize = 1
  /// Where this process listens for engines that connect to it, such as `tcp://*:5557`.
  package var eventsBind: String?
  package var tokenOrigin = TokenOrigin.render
  /// How long a request waits for its tokens.
  package var tokenDeadline = Duration.milliseconds(20)
  /// Where the index is kept across restarts.
  package var snapshotFile: String?
  /// A secret that replicas share, so that their block keys are the same.
  package var hashSecretFile: String?
  /// Bytes of the whole index.
  package var maximumIndexBytes = 2 << 30

  package init() {}
}
