package import EPPCore

/// The APIs whose bodies a parser reads for a model and a prompt.
package struct ParserSettings: PluginSettings {
  /// The APIs; none for a parser that reads no bodies.
  package let apis: Set<InferenceAPI>

  /// The parsers that a configuration without a list of parsers has, as in llm-d.
  package static let standardPlugins = [OpenAIParser.descriptor, AnthropicParser.descriptor, VLLMHTTPParser.descriptor]
    .map { ConfiguredPlugin($0) }

  /// The APIs of the standard parsers.
  package static let standard = ParserSettings(of: standardPlugins)

  package init(apis: Set<InferenceAPI>) { self.apis = apis }

  /// The APIs of any of several parsers.
  package init(of parsers: [ConfiguredPlugin]) {
    apis = parsers.reduce([]) { $0.union($1.settings(ParserSettings.self)?.apis ?? []) }
  }
}
