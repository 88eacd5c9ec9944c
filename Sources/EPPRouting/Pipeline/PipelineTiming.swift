import EPPCore
import EPPMetrics
package import EPPScheduling

/// Measures the work of plugins that the pipeline does itself: `llm_d_epp_plugin_duration_seconds`.
package struct PipelineTiming: Sendable {
  let timing: PluginTiming
  /// The histogram of the parser of each API; bodies of others are not read.
  let parsing: [InferenceAPI: Histogram]
  /// The histogram of the prefix producer.
  let matching: Histogram

  /// - Parameters:
  ///   - parsers: the parsers in the order in which they are asked.
  ///   - prefixProducer: the plugin that the prefix index belongs to.
  package init(_ timing: PluginTiming, parsers: [ConfiguredPlugin], prefixProducer: ConfiguredPlugin) {
    self.timing = timing
    var parsing: [InferenceAPI: Histogram] = [:]
    for parser in parsers {
      for api in parser.settings(ParserSettings.self)?.apis ?? [] where parsing[api] == nil {
        parsing[api] = timing.histogram(.requestParsing, parser)
      }
    }
    self.parsing = parsing
    matching = timing.histogram(.dataProducer, prefixProducer)
  }

  /// Starts a measurement.
  func lap() -> PluginTiming.Lap { PluginTiming.Lap(timing) }
}
