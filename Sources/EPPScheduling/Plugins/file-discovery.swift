/// `file-discovery`: a file that lists the endpoints. In force where `dataLayer.discovery` names it.
package struct EndpointsFileSettings: PluginSettings {
  /// The path of the endpoints file.
  package var path: String

  private static let path = TypedParameter<String?>.text("path", "The endpoints file")
  private static let watchFile = TypedParameter<Bool>.boolean(
    "watchFile", default: true, "Has no effect: the file is always watched")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "file-discovery", "Reads the endpoints from a file, and follows its changes",
    parameters: [path.declaration, watchFile.declaration],
    check: { check in
      if !check.arguments.isGiven(path.key) { check.report("\(check.type) needs the parameter 'path'") }
      if !check.arguments[watchFile] {
        check.note("'watchFile: false' has no effect: the endpoints file is always watched")
      }
    },
    parts: [.settings(.discovery) { EndpointsFileSettings(path: $0[path] ?? "") }])
}
