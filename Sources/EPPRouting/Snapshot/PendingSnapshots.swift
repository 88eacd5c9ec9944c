package import EPPCore
package import EPPPrefixCache
import Synchronization

/// Sections of a snapshot whose endpoints have not appeared yet. Any thread may use it.
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

  /// No sections.
  package init() {}

  /// Identifies an endpoint across processes.
  static func identity(of endpoint: Endpoint) -> [UInt8] {
    Array("\(endpoint.namespace)\n\(endpoint.name)\n\(endpoint.address)".utf8)
  }

  /// Adds a section, in place of an earlier one with equal identity and rank.
  func put(_ snapshot: AnnouncedSnapshot, of identity: [UInt8]) {
    state.withLock { $0.announced[Key(identity: identity, rank: snapshot.rank)] = snapshot }
  }

  /// Adds a section, in place of an earlier one with equal identity.
  func put(_ snapshot: RoutedSnapshot, of identity: [UInt8]) { state.withLock { $0.routed[identity] = snapshot } }

  /// Removes and returns what a rank of an endpoint had announced; nil when there is nothing.
  package func takeAnnounced(of endpoint: Endpoint, rank: Int) -> AnnouncedSnapshot? {
    state.withLock { $0.announced.removeValue(forKey: Key(identity: Self.identity(of: endpoint), rank: rank)) }
  }

  /// Removes and returns what had been routed to an endpoint; nil when there is nothing.
  package func takeRouted(of endpoint: Endpoint) -> RoutedSnapshot? {
    state.withLock { $0.routed.removeValue(forKey: Self.identity(of: endpoint)) }
  }

  /// The sections that have not been taken.
  func contents() -> (
    announced: [(identity: [UInt8], snapshot: AnnouncedSnapshot)],
    routed: [(identity: [UInt8], snapshot: RoutedSnapshot)]
  ) {
    state.withLock { state in
      (state.announced.map { ($0.key.identity, $0.value) }, state.routed.map { ($0.key, $0.value) })
    }
  }

  /// Removes all sections.
  package func removeAll() { state.withLock { $0 = State() } }

  /// The memory of all sections in bytes.
  package var sizeInBytes: Int {
    state.withLock { state in
      state.announced.values.reduce(0) { $0 + $1.sizeInBytes } + state.routed.values.reduce(0) { $0 + $1.sizeInBytes }
    }
  }
}
