package import EPPCore
import EPPDataLayer
import Synchronization

/// The bearer token that is sent with each request. Any thread may use it.
///
/// A token file is read again when it changes, because Kubernetes replaces the token of a pod before it expires.
package final class BearerToken: Sendable {
  /// Time after which a token file is read again even when its attributes have not changed.
  static let longestUse = Duration.seconds(60)

  /// A token file and its last content.
  private struct TokenFile {
    var file: WatchedFile
    /// Last content that was not empty, without white space at either end; nil before the first one.
    var token: String?
    var readAt: MonotonicTime?

    /// Reads the file if it has changed or `longestUse` has passed, and returns the token; nil while there is none.
    mutating func current(now: MonotonicTime) -> String? {
      if let readAt, now.duration(since: readAt) >= BearerToken.longestUse { forget() }
      if case .content(let bytes) = file.look() {
        let text = String(String(decoding: bytes, as: UTF8.self).trimmed)
        if !text.isEmpty { token = text }
        readAt = now
      }
      return token
    }

    /// Makes the next look at the file read it, changed or not.
    mutating func forget() { file = WatchedFile(path: file.path, largest: file.largest) }
  }

  private enum Source {
    case fixed(String?)
    case file(TokenFile)
  }

  private let source: Mutex<Source>
  private let clock: @Sendable () -> MonotonicTime

  /// Creates the token of these credentials; a token file is first read by `current`.
  ///
  /// - Parameter clock: Returns the current time.
  package init(_ credentials: KubernetesConfiguration.Credentials, clock: @escaping @Sendable () -> MonotonicTime) {
    self.clock = clock
    let first: Source =
      switch credentials {
      case .none: .fixed(nil)
      case .token(let token): .fixed(token)
      case .tokenFile(let path): .file(TokenFile(file: WatchedFile(path: path, largest: FileReading.largest)))
      }
    source = Mutex(first)
  }

  /// Returns the current token; nil when there is none. When the file cannot be read or is empty, the last token stays in use.
  ///
  /// Each call checks the attributes of the file, which blocks for microseconds.
  package func current() -> String? {
    let now = clock()
    return source.withLock { source in
      switch source {
      case .fixed(let token): return token
      case .file(var file):
        let token = file.current(now: now)
        source = .file(file)
        return token
      }
    }
  }

  /// Makes the next `current` read the token file, changed or not. For use after the server has refused the token.
  package func reread() {
    source.withLock { source in
      guard case .file(var file) = source else { return }
      file.forget()
      source = .file(file)
    }
  }
}
