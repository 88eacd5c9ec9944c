package import EPPCore
import Synchronization

/// Last contact and current failure of a watch, for metrics. The watch writes it; any thread may read it.
package final class WatchStatus: Sendable {
  private struct State {
    var lastContact: MonotonicTime?
    var failure: WatchFailure?
  }

  private let state = Mutex(State())

  package init() {}

  /// Time of the server's last successful answer or event; nil before the first one. Without changes the server answers about
  /// once a minute.
  package var lastContact: MonotonicTime? { state.withLock { $0.lastContact } }

  /// Whether the server does not serve the resource (404) or the client has no permission to read it (403).
  package var isMissing: Bool {
    state.withLock { $0.failure?.isUnavailability ?? false }
  }

  /// Reason why the cached objects are not kept up to date; nil while they are, and before the first request.
  package var failure: WatchFailure? { state.withLock { $0.failure } }

  func note(lastContact: MonotonicTime?, failure: WatchFailure?) {
    state.withLock { state in
      // A new watch has no contact yet: that of the previous watch stays.
      state.lastContact = lastContact ?? state.lastContact
      state.failure = failure
    }
  }
}
