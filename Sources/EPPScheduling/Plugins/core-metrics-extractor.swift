package import EPPCore

/// `core-metrics-extractor`: which metrics say the load and the cache of which kinds of engines.
package enum CoreMetricsExtractor {
  private static let labelKey = TypedParameter<String?>.text(
    "engineLabelKey", "The endpoints' label with the kind of their engine (\(EngineMetricSettings.standardLabelKey))")
  private static let defaultEngine = TypedParameter<String?>.text(
    "defaultEngine", "The kind of endpoints whose label names none (\(EngineMetricSpecs.defaultName))")
  private static let engines = TypedParameter<[PluginArguments]>.list(
    "engineConfigs",
    [
      name.declaration, waiting.declaration, running.declaration, usage.declaration, loRA.declaration,
      info.declaration, infoSize.declaration, infoBlocks.declaration, size.declaration, blocks.declaration,
      custom.declaration,
    ] + residency, "Kinds that are not built in, or that replace a built-in one")

  private static let name = TypedParameter<String?>.text("name", "The name of the kind")
  private static let waiting = metric("queuedRequestsSpec", "requests in the queue")
  private static let running = metric("runningRequestsSpec", "requests in the batch")
  private static let usage = metric("kvUsageSpec", "share of the KV cache in use")
  private static let loRA = metric("loraSpec", "LoRA adapters, in its labels")
  private static let info = metric("cacheInfoSpec", "size and number of the cache's blocks, in its labels")
  private static let infoSize = TypedParameter<String?>.text(
    "cacheBlockSizeLabelName", "Label of cacheInfoSpec with the size (block_size)")
  private static let infoBlocks = TypedParameter<String?>.text(
    "cacheNumBlocksLabelName", "Label of cacheInfoSpec with the number (num_gpu_blocks)")
  private static let size = metric("cacheBlockSizeSpec", "tokens of a block")
  private static let blocks = metric("cacheNumBlocksSpec", "number of blocks")
  private static let attributeKey = TypedParameter<String?>.text("attributeKey", "The attribute's key")
  private static let attributeSpec = metric("metricSpec", "the attribute's value")
  private static let custom = TypedParameter<[PluginArguments]>.list(
    "customMetrics",
    [
      attributeKey.declaration, attributeSpec.declaration,
      PluginParameter("optional", .ignored(because: nil), "Has no effect: an absent metric leaves its last value"),
    ], "Metrics that become attributes of the endpoint")
  /// Newer metrics of the adapters that an engine holds in memory.
  private static let residency = ["loraLoadedSpec", "loraGPULoadedSpec", "loraGPUSlotsSpec"].map {
    PluginParameter($0, .ignored(because: nil), "Has no effect: adapters are read from loraSpec")
  }

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "core-metrics-extractor", "Reads queue, running requests, cache and adapters from the engines' pages",
    parameters: [labelKey.declaration, defaultEngine.declaration, engines.declaration], isInjected: true,
    check: check, parts: [.settings(.extractor) { EngineMetricSettings($0) }])

  private static func metric(_ key: String, _ what: String) -> TypedParameter<String?> {
    .text(key, "The metric of the \(what), as NAME or NAME{LABEL=VALUE,...}; not read when empty")
  }

  @Sendable
  private static func check(_ check: inout PluginCheck) {
    for (index, arguments) in check.arguments[engines].enumerated() {
      let place = [engines.key, "\(index)"]
      if arguments[name] == nil {
        check.report("an entry of \(engines.key) needs a name", at: place)
      } else if arguments[name] == reservedName {
        check.report("'\(reservedName)' stands for the default engine: give another name", at: place + [name.key])
      }
      for parameter in [waiting, running, usage, loRA, info, size, blocks] {
        verify(arguments[parameter], at: place + [parameter.key], &check)
      }
      for (index, attribute) in arguments[custom].enumerated() {
        let place = place + [custom.key, "\(index)"]
        guard attribute[attributeKey] != nil, attribute[attributeSpec] != nil else {
          check.report(
            "an entry of \(custom.key) needs an \(attributeKey.key) and a \(attributeSpec.key)", at: place)
          continue
        }
        verify(attribute[attributeSpec], at: place + [attributeSpec.key], &check)
      }
    }
    let settings = EngineMetricSettings(check.arguments)
    if !settings.isKnown(settings.defaultEngine) {
      let known = settings.engines.map(\.name).filter { !$0.isEmpty } + EngineMetricSpecs.builtIn.map(\.name)
      check.report(unknown: settings.defaultEngine, "engine", among: known, at: defaultEngine.key)
    }
  }

  /// llm-d's own name of the default kind.
  private static let reservedName = "default"

  private static func verify(_ text: String?, at place: [String], _ check: inout PluginCheck) {
    guard let text else { return }
    do throws(MetricSpec.Problem) {
      if try MetricSpec.parse(text)?.hasOtherConditions == true {
        check.note("of the conditions of '\(text.shortened)' only those with = have an effect")
      }
    } catch {
      check.report("\(error)", at: place)
    }
  }

  /// Makes the kind that an entry of `engineConfigs` describes.
  fileprivate static func engine(_ arguments: PluginArguments) -> EngineMetricSpecs {
    func spec(_ parameter: TypedParameter<String?>) -> MetricSpec? {
      arguments[parameter].flatMap { try? MetricSpec.parse($0) }
    }
    var specs = EngineMetricSpecs(name: arguments[name] ?? "")
    specs.waitingRequests = spec(waiting)
    specs.runningRequests = spec(running)
    specs.kvCacheUsage = spec(usage)
    specs.loRA = spec(loRA)
    specs.cacheInfo = spec(info)
    if let label = arguments[infoSize] { specs.cacheBlockTokensLabel = label }
    if let label = arguments[infoBlocks] { specs.cacheBlocksLabel = label }
    specs.cacheBlockTokens = spec(size)
    specs.cacheBlocks = spec(blocks)
    specs.attributes = arguments[custom].compactMap { attribute in
      guard let key = attribute[attributeKey], let text = attribute[attributeSpec],
        let spec = try? MetricSpec.parse(text)
      else { return nil }
      return EngineMetricSpecs.Attribute(key: key, spec: spec)
    }
    return specs
  }

  fileprivate static func settings(_ arguments: PluginArguments) -> EngineMetricSettings {
    var settings = EngineMetricSettings()
    if let key = arguments[labelKey] { settings.labelKey = key }
    if let engine = arguments[defaultEngine] { settings.defaultEngine = engine }
    settings.engines = arguments[engines].map(engine)
    return settings
  }
}

extension EngineMetricSettings: PluginSettings {
  init(_ arguments: PluginArguments) { self = CoreMetricsExtractor.settings(arguments) }
}
