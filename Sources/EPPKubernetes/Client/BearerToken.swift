package import EPPCore
import EPPDataLayer
import Synchronization

/// The token that is sent with each request, read again when its file changes: Kubernetes replaces the token of a pod before it
/// ends. Any thread may use it.
package final class BearerToken: Sendable {
  /// A file is read again after this time, whatever its attributes say.
  static let longestUse = Duration.seconds(60)

  /// A file with a token, and what was read of it.
  private struct TokenFile {
    var file: WatchedFile
    /// The last good content; nil before.
    var token: String?
    var readAt: MonotonicTime?

    /// The token by now.
    mutating func current(now: MonotonicTime) -> String? {
      if let readAt, now.duration(since: readAt) >= BearerToken.longestUse { forget() }
      if case .content(let bytes) = file.look() {
        let text = String(decoding: bytes, as: UTF8.self).trimmed
        if !text.isEmpty { token = text }
        readAt = now
      }
      return token
    }

    /// Makes the next look read the file.
    mutating func forget() { file = WatchedFile(path: file.path, largest: file.largest) }
  }

  private enum Source {
    case fixed(String?)
    case file(TokenFile)
  }

  private let source: Mutex<Source>
  private let clock: @Sendable () -> MonotonicTime

  /// - Parameter clock: the present.
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

  /// The token as it is now; nil when there is none. A file that cannot be read any longer leaves the last token in use.
  ///
  /// Looks at the file's attributes each time, which blocks for microseconds.
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

  /// The server does not accept the token: the file is read by the next `current`, changed or not.
  package func reread() {
    source.withLock { source in
      guard case .file(var file) = source else { return }
      file.forget()
      source = .file(file)
    }
  }
}
