import EPPCore

/// `sglanghttp-parser`: reads requests of SGLang's own API, `/generate`.
enum SGLangHTTPParser {
  static let apis: Set<InferenceAPI> = [.sglangGenerate]

  static let descriptor = PluginDescriptor(
    "sglanghttp-parser", "Reads requests of SGLang's own API",
    parts: [.settings(.parser) { _ in ParserSettings(apis: apis) }])
}
