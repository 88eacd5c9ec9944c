package import EPPCore

/// What is read from a metrics page: names of samples, and what they mean. Made once for a kind of engine and shared by the
/// scanners of all its endpoints.
package final class EnginePageLayout: Sendable {
  /// What a sample is read as.
  enum Target {
    case number(EngineFamily)
    /// Tokens of a block, as the sample's value.
    case blockTokens
    case loRA
    /// Size and number of blocks, as labels that the table of this index knows.
    case cacheInfo(Int)
    /// The attribute of this index: the newest value.
    case attribute(Int)
    /// The attribute of this index: the highest value of all series, times a factor.
    case highest(Int, times: Double)
  }

  /// One use of a sample's name.
  struct Reading {
    var target: Target
    /// Labels that the series has to have.
    var conditions: [LabelCondition]
    /// Whether ranks that work on the same requests have series of their own: only SGLang's have.
    var hasCopies: Bool
  }

  /// Label of a sample that tells of the cache.
  enum ConfigLabel {
    case blockTokens
    case blocks
  }

  /// The layout that recognises the built-in kinds of engines by the names of their metrics.
  package static let standard = EnginePageLayout(nil)

  /// Whether this is `standard`, whose lines are selected by constants.
  let isStandard: Bool
  /// For each sample name the index of its readings.
  let names: NameTable<Int>
  let readings: [[Reading]]
  let configLabels: [NameTable<ConfigLabel>]
  /// Keys of the attributes.
  let attributeKeys: [String]
  /// Load metrics that are not looked for.
  let unread: EndpointMetrics.LoadFamilies
  /// First bytes of the names.
  let beginnings: NameBeginnings

  /// The layout of a configured kind of engine.
  package convenience init(_ specs: EngineMetricSpecs) { self.init(.some(specs)) }

  /// The layout of the page of a DCGM exporter: the use of the busiest GPU, 0...1, becomes the attribute
  /// `EndpointAttributes.gpuUtilization`.
  ///
  /// - Parameter pod: The name of the endpoint's pod, which a series may have as a label: an exporter for all pods of a node
  ///   writes series of all of them. Nil reads all series.
  package convenience init(gpusOf pod: String?) {
    var builder = LayoutBuilder()
    builder.addGPUs(of: pod)
    self.init(builder, isStandard: false, unread: [])
  }

  private convenience init(_ specs: EngineMetricSpecs?) {
    var builder = LayoutBuilder()
    for engine in specs.map({ [$0] }) ?? EngineMetricSpecs.builtIn { builder.add(engine) }
    builder.addProcess()
    var unread: EndpointMetrics.LoadFamilies = []
    if let specs {
      if specs.waitingRequests == nil { unread.insert(.waitingRequests) }
      if specs.runningRequests == nil { unread.insert(.runningRequests) }
      if specs.kvCacheUsage == nil { unread.insert(.kvCacheUsage) }
    }
    self.init(builder, isStandard: specs == nil, unread: unread)
  }

  private init(_ builder: LayoutBuilder, isStandard: Bool, unread: EndpointMetrics.LoadFamilies) {
    self.isStandard = isStandard
    self.unread = unread
    names = NameTable(builder.names.enumerated().map { ($1, $0) })
    readings = builder.readings
    configLabels = builder.configLabels
    attributeKeys = builder.attributeKeys
    beginnings = NameBeginnings(builder.names)
  }
}

/// The layouts of the kinds of engines that are configured.
package struct EnginePageLayouts: Sendable {
  private let settings: EngineMetricSettings
  private let byName: [String: EnginePageLayout]

  package init(_ settings: EngineMetricSettings) {
    self.settings = settings
    byName = Dictionary(
      settings.engines.map { ($0.name, EnginePageLayout($0)) }, uniquingKeysWith: { first, _ in first })
  }

  /// Returns the layout of an endpoint's page, by the endpoint's labels.
  package func layout(of endpoint: Endpoint) -> EnginePageLayout {
    settings.engine(of: endpoint.labels).flatMap { byName[$0.name] } ?? .standard
  }
}

/// Collects the readings of a layout by the names of samples.
private struct LayoutBuilder {
  private(set) var names: [String] = []
  private(set) var readings: [[EnginePageLayout.Reading]] = []
  private(set) var configLabels: [NameTable<EnginePageLayout.ConfigLabel>] = []
  private(set) var attributeKeys: [String] = []

  /// Both names of the share of the cache that vLLM uses; whichever of them is asked for, both are read.
  private static let usageNames = ["vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"]
  /// Requests that wait in Triton, in front of any engine.
  private static let pendingName = "nv_inference_pending_request_count"

  mutating func add(_ engine: EngineMetricSpecs) {
    if let spec = engine.waitingRequests {
      add(spec, .number(spec.name == Self.pendingName ? .pendingRequests : .waitingRequests))
    }
    if let spec = engine.runningRequests { add(spec, .number(.runningRequests)) }
    if let spec = engine.kvCacheUsage {
      if Self.usageNames.contains(spec.name) {
        add(MetricSpec(Self.usageNames[0], spec.labels), .number(.kvCacheUsage))
        add(MetricSpec(Self.usageNames[1], spec.labels), .number(.kvCacheUsageOld))
      } else {
        add(spec, .number(.kvCacheUsage))
      }
    }
    if let spec = engine.loRA { add(spec, .loRA) }
    if let spec = engine.cacheInfo {
      add(spec, .cacheInfo(configLabels.count))
      configLabels.append(
        NameTable([(engine.cacheBlockTokensLabel, .blockTokens), (engine.cacheBlocksLabel, .blocks)]))
    }
    if let spec = engine.cacheBlockTokens { add(spec, .blockTokens) }
    if let spec = engine.cacheBlocks { add(spec, .number(.cacheBlocks)) }
    for attribute in engine.attributes {
      add(attribute.spec, .attribute(attributeKeys.count))
      attributeKeys.append(attribute.key)
    }
  }

  /// Adds what every page is read for: use of the engine's prefix cache, in vLLM's names of version 0.32.0 and older ones, and
  /// the start of the process.
  mutating func addProcess() {
    let counters: [(String, EngineFamily)] = [
      ("vllm:prefix_cache_queries", .queriedTokens), ("vllm:gpu_prefix_cache_queries", .queriedTokensOld),
      ("vllm:prefix_cache_hits", .hitTokens), ("vllm:gpu_prefix_cache_hits", .hitTokensOld),
    ]
    for (name, family) in counters {
      add(MetricSpec(name + "_total"), .number(family))
      add(MetricSpec(name), .number(family))
    }
    add(MetricSpec("process_start_time_seconds"), .number(.processStartTime))
  }

  mutating func addGPUs(of pod: String?) {
    // DCGM's unit is a percentage.
    let reading = EnginePageLayout.Reading(
      target: .highest(attributeKeys.count, times: 0.01),
      conditions: pod.map { [LabelCondition("pod", $0, mayBeAbsent: true)] } ?? [], hasCopies: false)
    attributeKeys.append(EndpointAttributes.gpuUtilization)
    add(reading, "DCGM_FI_DEV_GPU_UTIL")
  }

  private mutating func add(_ spec: MetricSpec, _ target: EnginePageLayout.Target) {
    let reading = EnginePageLayout.Reading(
      target: target, conditions: spec.labels.map { LabelCondition($0.name, $0.value, mayBeAbsent: false) },
      hasCopies: spec.name.hasPrefix("sglang:"))
    add(reading, spec.name)
  }

  private mutating func add(_ reading: EnginePageLayout.Reading, _ name: String) {
    if let index = names.firstIndex(of: name) {
      readings[index].append(reading)
    } else {
      names.append(name)
      readings.append([reading])
    }
  }
}
