/// How a page of an endpoint is read.
package struct PageSource: Sendable, Equatable {
  /// How the page is transferred.
  package enum Scheme: String, Sendable, CaseIterable {
    case http
    case https
  }

  package var scheme = Scheme.http
  /// The path, with a slash in front.
  package var path: String
  /// The port, in place of the one that discovery gives; nil for that one.
  package var port: UInt16?
  /// The certificates of `https`.
  package var certificates = Certificates()
  /// Time from one reading to the next; nil for the interval of all sources.
  package var interval: Duration?

  /// A page that is read without TLS.
  package init(path: String) { self.path = path }

  /// The metrics page of an engine.
  package static let metrics = PageSource(path: "/metrics")

  /// Whether a text can be the path of a request: no blanks, no control characters.
  package static func isPath(_ text: String) -> Bool { text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F } }

  /// Certificates and the checks of the connection to a page. Paths are those of files in PEM format.
  package struct Certificates: Sendable, Equatable {
    /// Whether any certificate of the server is accepted.
    package var skipsVerification = true
    /// The authorities that the server's certificate is checked against; nil for those of the system. Unused where any
    /// certificate is accepted.
    package var authorityFile: String?
    /// The client's certificate, with those of its issuers; nil for none.
    package var certificateFile: String?
    /// The key of `certificateFile`.
    package var keyFile: String?

    /// Every certificate is accepted and none is shown.
    package init() {}
  }

  /// Returns the interval, which is a multiple of that of all sources: the nearest one, at least one.
  ///
  /// - Parameter base: The interval of all sources, above 0.
  package func interval(base: Duration) -> Duration {
    guard let interval else { return base }
    return base * max(1, Int((interval / base).rounded()))
  }
}
