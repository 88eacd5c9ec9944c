import EPPCore

/// The parameters that data sources of pages have in common.
struct PageParameters: Sendable {
  private let scheme = TypedParameter<String?>.text("scheme", "http or https (http)")
  private let path: TypedParameter<String?>
  private let skip = TypedParameter<Bool>.boolean(
    "insecureSkipVerify", default: true, "Whether any certificate of the server is accepted")
  private let authority = TypedParameter<String?>.text(
    "caCertPath", "Authorities that the server's certificate is checked against; else the system's")
  private let certificate = TypedParameter<String?>.text("clientCertPath", "Certificate that is shown to the server")
  private let key = TypedParameter<String?>.text("clientKeyPath", "The key of clientCertPath")
  private let interval = TypedParameter<Duration?>.duration(
    "interval", "Time between readings: the nearest multiple of --refresh-metrics-interval")
  private let defaultPath: String

  /// - Parameter path: The default of the parameter `path`.
  init(path: String) {
    defaultPath = path
    self.path = .text("path", "The page's path (\(path))")
  }

  /// The declarations of all parameters.
  var declarations: [PluginParameter] {
    [
      scheme.declaration, path.declaration, skip.declaration, authority.declaration, certificate.declaration,
      key.declaration, interval.declaration,
    ]
  }

  /// Returns the page that the arguments describe.
  func page(_ arguments: PluginArguments) -> PageSource {
    var page = PageSource(path: arguments[path] ?? defaultPath)
    if !page.path.hasPrefix("/") { page.path = "/" + page.path }
    page.scheme = arguments[scheme].flatMap(PageSource.Scheme.init) ?? .http
    page.certificates.skipsVerification = arguments[skip]
    page.certificates.authorityFile = arguments[authority]
    page.certificates.certificateFile = arguments[certificate]
    page.certificates.keyFile = arguments[key]
    page.interval = arguments[interval]
    return page
  }

  /// Reports what cannot be used. Certificates of plain text have no effect and are not checked, as in llm-d.
  func check(_ check: inout PluginCheck) {
    if let text = check.arguments[scheme], PageSource.Scheme(rawValue: text) == nil {
      check.report(unknown: text, "scheme", among: PageSource.Scheme.allCases.map(\.rawValue), at: scheme.key)
    }
    if let text = check.arguments[path], !PageSource.isPath(text) {
      check.report("path must not have blanks or control characters", at: path.key)
    }
    if let interval = check.arguments[interval], interval <= .zero {
      check.report("interval has to be a duration above 0", at: self.interval.key)
    }
    guard page(check.arguments).scheme == .https else { return }
    let isComplete = (check.arguments[certificate] == nil) == (check.arguments[key] == nil)
    if !isComplete {
      check.report(
        "\(certificate.key) and \(key.key) go together: give both or none",
        at: check.arguments[key] == nil ? certificate.key : key.key)
    }
  }
}
