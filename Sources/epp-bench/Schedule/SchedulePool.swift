import EPPCore
import EPPPrefixCache
import EPPScheduling

/// A pool whose endpoints differ in all that plugins look at, and a request for it.
struct SchedulePool {
  /// The number of endpoints.
  let endpoints: Int
  let snapshot: PoolSnapshot
  let request: InferenceRequest
  let context: RequestContext
  static let seed = HashSeed(first: 1, second: 2)
  /// The time of all requests.
  static let now = MonotonicTime(nanoseconds: 1_000_000_000)

  private static let tierLabel = "example.com/accelerator-tier"
  private static let tierHeader = "x-accelerator-tier"
  private static let wantedTier = "latency-optimised"
  private static let attribute = EndpointAttributes.gpuUtilization
  private static let adapter = "support-answers-adapter-3"
  private static let promptTokens = 4096
  private static let testedEndpoint = "10.0.0.1:8000"

  /// - Parameter endpoints: at most `EndpointSlot.capacity`.
  init(endpoints: Int) {
    self.endpoints = endpoints
    snapshot = PoolSnapshot(members: (0..<endpoints).map(Self.member))
    request = InferenceRequest(
      api: .chatCompletions, model: Self.adapter, promptTokens: Self.promptTokens, bodyBytes: 4 * Self.promptTokens)
    var headers = RequestHeaders()
    headers.append(name: HeaderName.path, value: "/v1/chat/completions")
    headers.append(name: "content-type", value: "application/json")
    headers.append(name: HeaderName.sessionID, value: "5f1c2a90-conversation-17")
    headers.append(name: Self.tierHeader, value: Self.wantedTier)
    let environment = PluginEnvironment(seed: Self.seed)
    for header in HeaderBasedTestingFilter.descriptor.needs(PluginArguments(), environment).headers {
      headers.append(name: header, value: Self.testedEndpoint)
    }
    context = RequestContext(requestID: "schedule", headers: headers)
  }

  private static func member(_ number: Int) -> PoolSnapshot.Member {
    let load = EndpointLoad()
    for request in 0..<(number % 7) { load.dispatch(uncachedTokens: 500 * request) }
    var metrics = EndpointMetrics()
    metrics.dispatchedAtScrape = load.totals
    // Requests that the page does not show yet.
    for _ in 0..<(number % 3) { load.dispatch(uncachedTokens: 1000) }
    // One of 16 is saturated.
    metrics.waitingRequests = number % 16 == 15 ? 9 : number % 3
    metrics.runningRequests = number * 5 % 23
    metrics.kvCacheUsage = Double(number * 13 % 75) / 100
    metrics.cacheBlocks = 32_768
    metrics.cacheBlockTokens = 16
    metrics.loRA = LoRAState(
      maximum: 4, running: (0..<3).map { "support-answers-adapter-\((number + $0) % 8)" },
      waiting: ["support-answers-adapter-\((number + 4) % 8)"])
    metrics.attributes["example.com/free-slots"] = Double(number % 9)
    metrics.attributes[attribute] = Double(number * 29 % 100) / 100
    let host = "10.0.\(number / 256).\(number % 256)"
    let labels = [
      "app.kubernetes.io/name": "vllm-chat-70b", EndpointRole.label: "encode-prefill-decode",
      tierLabel: number % 2 == 0 ? wantedTier : "throughput-optimised",
      "llm-d.ai/context-length-range": number % 4 == 0 ? "0-2048" : "0-\(8192 * (1 + number % 4))",
      "kubernetes.io/hostname": "gpu-node-\(number / 8).cluster.internal",
      "topology.kubernetes.io/rack": "hall-2-row-7-rack-\(number / 32)",
      "topology.kubernetes.io/zone": "europe-west4-zone-\(number % 3)",
      "topology.kubernetes.io/region": "europe-west4-region",
    ]
    return PoolSnapshot.Member(
      endpoint: EPPCore.Endpoint(
        name: "vllm-chat-70b-\(number)", namespace: "models", address: EndpointAddress(host: host, port: 8000),
        labels: labels, topology: EndpointTopology(labels, EndpointTopology.Labels()),
        slot: EndpointSlot(index: number, generation: 1)),
      metrics: metrics, load: load, isStale: false)
  }

  /// What the endpoints hold of the prompt: a quarter of them half of it, a quarter an eighth, the others nothing.
  ///
  /// - Parameter isCold: whether no endpoint holds anything instead.
  func matches(isCold: Bool) -> PrefixMatches {
    let index = PrefixIndex(hasher: BlockHasher(seed: Self.seed))
    let blockTokens = index.limits.textBlockTokens
    var prompt = CanonicalPrompt()
    var generator = SplitMix64(seed: 1)
    prompt.bytes = Array(PromptText.make(bytes: 4 * Self.promptTokens, using: &generator).utf8)
    prompt.prompts = [0..<prompt.bytes.count]
    var query = PrefixQuery()
    for (number, member) in snapshot.members.enumerated() where number % 4 < 2 && !isCold {
      query.begin(
        for: prompt, request: request, hasher: index.hasher,
        maximumTokens: Self.promptTokens / (number % 4 == 0 ? 2 : 8), blockTokens: blockTokens)
      _ = index.record(&query, at: member.endpoint.slot)
    }
    query.begin(for: prompt, request: request, hasher: index.hasher, maximumTokens: .max, blockTokens: blockTokens)
    var matches = PrefixMatches()
    matches.begin(hasText: true, hasTokens: false, followed: .empty)
    index.match(&query, into: &matches.text)
    return matches
  }

  /// A plugin with arguments that let it do its work in a pool of this kind.
  static func plugin(_ descriptor: PluginDescriptor) -> ConfiguredPlugin {
    var arguments = PluginArguments()
    switch descriptor {
    case HeaderLabelAffinityScorer.descriptor:
      arguments.set("headerName", .text(tierHeader))
      arguments.set("labelKey", .text(tierLabel))
    case EndpointAttributeScorer.descriptor: arguments.set("attributeKey", .text(attribute))
    case EndpointAttributeFilter.descriptor:
      arguments.set("attribute", .text(attribute))
      arguments.set(
        "algorithm",
        .object(
          members(("threshold", .object(members(("operator", .text("LessThan")), ("value", .number(0.5))))))))
    case SessionAffinityScorer.descriptor, SessionAffinityFilter.descriptor:
      arguments[SessionParameters.strategy] = "session_id"
    case LabelSelectorFilter.descriptor: arguments.set("matchLabels", .textMap([tierLabel: wantedTier]))
    case LabelValueFilter.descriptor:
      arguments.set("label", .text(tierLabel))
      arguments.set("validValues", .texts([wantedTier]))
    case PrefixCacheAffinityFilter.descriptor: arguments.set("affinityThreshold", .number(0.4))
    case UtilizationFilter.descriptor:
      arguments.set(
        "conditions",
        .list([
          members(("metric", .text("waiting-queue")), ("maxValue", .number(4))),
          members(("metric", .text("active-requests")), ("maxValue", .number(5))),
        ]))
    case ContextLengthAware.descriptor: arguments.set("enableFiltering", .boolean(true))
    case TopologyAffinityFilter.descriptor: arguments.set("minAffinity", .text("zone"))
    default: break
    }
    return ConfiguredPlugin(descriptor, arguments: arguments)
  }

  private static func members(_ values: (String, PluginArguments.Value)...) -> PluginArguments {
    var arguments = PluginArguments()
    for (key, value) in values { arguments.set(key, value) }
    return arguments
  }
}
