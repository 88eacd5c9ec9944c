/// `core-metrics-extractor`: reads vLLM's and SGLang's metric families from the engines' pages.
package enum CoreMetricsExtractor {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "core-metrics-extractor", "Reads queue, running requests, cache and adapters from the engines' pages",
    parameters: [
      PluginParameter("engineLabelKey", .ignored(because: nil), "Has no effect: families are told by their names"),
      PluginParameter("defaultEngine", .fixed(.text(["vllm", "sglang"])), default: "vllm", "The engines' kind"),
      PluginParameter("engineConfigs", .fixed(.unset(instead: nil)), "Not supported"),
    ], isInjected: true,
    parts: [.builtIn(.extractor)])
}
