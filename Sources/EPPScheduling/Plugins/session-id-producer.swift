import EPPCore

/// `session-id-producer`: the place of session ids, for plugins that name none and for those that name its attribute.
package struct SessionSource: PluginSettings {
  /// The header in lower case; nil for none.
  package var headerName: String?
  /// The cookie; nil for none.
  package var cookieName: String?

  /// The key of llm-d's attribute.
  static let attribute = "SessionIDDataKey"

  package static let header = TypedParameter<String?>.headerName("headerName", "The header that holds the session id")
  private static let cookie = TypedParameter<String?>.text("cookieName", "The cookie that holds the session id")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "session-id-producer", "Says which header or cookie holds the session id, for plugins that name none",
    parameters: [header.declaration, cookie.declaration], check: check,
    parts: [.settings(.producer) { SessionSource(headerName: $0[header], cookieName: $0[cookie]) }])

  /// Where the session id is read; empty for the default.
  var sources: [SessionIDSource] {
    (headerName.map { [.header($0)] } ?? []) + (cookieName.map { [.cookie($0)] } ?? [])
  }

  @Sendable
  private static func check(_ check: inout PluginCheck) {
    let arguments = check.arguments
    if arguments.isGiven(header.key), arguments.isGiven(cookie.key) {
      check.report("\(check.type) reads a header or a cookie: give one of headerName and cookieName", at: cookie.key)
    }
    if let name = arguments[cookie], !ResponseCookie.isName(name) {
      check.report("cookieName has to be the name of a cookie, not '\(name.shortened)'", at: cookie.key)
    }
  }
}
