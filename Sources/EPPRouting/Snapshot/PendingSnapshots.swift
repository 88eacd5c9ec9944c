package import EPPCore
package import EPPPrefixCache
import Synchronization

/// What a snapshot holds of endpoints that have not appeared yet. Any thread may take from it.
package final class PendingSnapshots: Sendable {
  private struct Key: Hashable {
    var identity: [UInt8]
    var rank: Int
  }

  private struct State {
    var announced: [Key: AnnouncedSnapshot] = [:]
    var routed: [[UInt8]: RoutedSnapshot] = [:]
  }

  private let state = Mutex(State())

  package init() {}

  /// What makes an endpoint the same one across processes.
  static func identity(of endpoint: Endpoint) -> [UInt8] {
    Array("\(endpoint.namespace)\n\(endpoint.name)\n\(endpoint.address)".utf8)
  }

  func put(_ snapshot: AnnouncedSnapshot, of identity: [UInt8]) {
    state.withLock { $0.announced[Key(identity: identity, rank: snapshot.rank)] = snapshot }
  }

  func put(_ snapshot: RoutedSnapshot, of identity: [UInt8]) { state.withLock { $0.routed[identity] = snapshot } }

  /// What a rank of an endpoint had announced; nil when nothing is known, and the second time.
  package func takeAnnounced(of endpoint: Endpoint, rank: Int) -> AnnouncedSnapshot? {
    state.withLock { $0.announced.removeValue(forKey: Key(identity: Self.identity(of: endpoint), rank: rank)) }
  }

  /// What had been sent to an endpoint; nil when nothing is known, and the second time.
  package func takeRouted(of endpoint: Endpoint) -> RoutedSnapshot? {
    state.withLock { $0.routed.removeValue(forKey: Self.identity(of: endpoint)) }
  }

  /// What has not been taken yet.
  func contents() -> (
    announced: [(identity: [UInt8], snapshot: AnnouncedSnapshot)],
    routed: [(identity: [UInt8], snapshot: RoutedSnapshot)]
  ) {
    state.withLock { state in
      (state.announced.map { ($0.key.identity, $0.value) }, state.routed.map { ($0.key, $0.value) })
    }
  }

  /// Removes what has not been taken.
  package func removeAll() { state.withLock { $0 = State() } }

  /// Bytes of all that is kept.
  package var sizeInBytes: Int {
    state.withLock { state in
      state.announced.values.reduce(0) { $0 + $1.sizeInBytes } + state.routed.values.reduce(0) { $0 + $1.sizeInBytes }
    }
  }
}
