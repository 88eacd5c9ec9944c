package import EPPCore
import Synchronization

/// How a watch fares, for metrics and for whoever waits: written by the watch, read from any thread.
package final class WatchStatus: Sendable {
  private struct State {
    var lastContact: MonotonicTime?
    var failure: WatchFailure?
  }

  private let state = Mutex(State())

  package init() {}

  /// When the server last answered well; nil before. While nothing changes it answers once in a minute or so.
  package var lastContact: MonotonicTime? { state.withLock { $0.lastContact } }

  /// Whether the server does not serve the resource, or forbids to read it.
  package var isMissing: Bool {
    state.withLock { $0.failure == .missing || $0.failure == .forbidden }
  }

  /// Why the picture is not kept up to date; nil while it is, and before anything was tried.
  package var failure: WatchFailure? { state.withLock { $0.failure } }

  func note(lastContact: MonotonicTime?, failure: WatchFailure?) {
    state.withLock { state in
      // A watch that starts anew has had no contact of its own.
      state.lastContact = lastContact ?? state.lastContact
      state.failure = failure
    }
  }
}
