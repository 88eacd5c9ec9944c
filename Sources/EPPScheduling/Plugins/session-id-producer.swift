/// `session-id-producer`: the header that holds the session id, for plugins that name none.
package struct SessionSource: PluginSettings {
  /// The header in lower case; nil for the default.
  package var headerName: String?

  private static let header = TypedParameter<String?>.headerName("headerName", "The header that holds the session id")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "session-id-producer", "Says which header holds the session id, for plugins that name none",
    parameters: [
      header.declaration,
      PluginParameter("cookieName", .fixed(.unset(instead: "headerName")), "Not supported; use headerName"),
    ], parts: [.settings(.producer) { SessionSource(headerName: $0[header]) }])
}
