import EPPCore
import EPPMetrics
package import EPPScheduling

/// Measures the work of plugins that the pipeline does itself: `llm_d_epp_plugin_duration_seconds`. An object, because every
/// request uses it.
package final class PipelineTiming: Sendable {
  /// The histogram of the parser of each API, by `InferenceAPI.rawValue`; bodies of others are not read.
  private let parsing: [Histogram?]
  /// The histogram of the prefix producer.
  let matching: Histogram
  /// The histogram of the token producer; nil where token ids are not looked for.
  let tokens: Histogram?

  /// - Parameters:
  ///   - parsers: the parsers in the order in which they are asked.
  ///   - prefixProducer: the plugin that the prefix index belongs to.
  ///   - tokenProducer: the plugin that finds token ids; nil where they are not looked for.
  package init(
    _ timing: PluginTiming, parsers: [ConfiguredPlugin], prefixProducer: ConfiguredPlugin,
    tokenProducer: ConfiguredPlugin?
  ) {
    parsing = InferenceAPI.allCases.map { api in
      let parser = parsers.first { $0.settings(ParserSettings.self)?.apis.contains(api) == true }
      return parser.map { timing.histogram(.requestParsing, $0) }
    }
    matching = timing.histogram(.dataProducer, prefixProducer)
    tokens = tokenProducer.map { timing.histogram(.dataProducer, $0) }
  }

  /// The histogram of the parser of an API; nil where its bodies are not read.
  func parsing(_ api: InferenceAPI) -> Histogram? { parsing[api.rawValue] }
}
