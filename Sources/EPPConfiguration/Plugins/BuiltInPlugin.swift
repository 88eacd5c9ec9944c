/// Plugins of the anchor whose work is always done here, named in the configuration file or not.
enum BuiltInPlugin: String, CaseIterable {
  case singleProfileHandler = "single-profile-handler"
  case metricsDataSource = "metrics-data-source"
  case coreMetricsExtractor = "core-metrics-extractor"
  case utilizationDetector = "utilization-detector"
  case firstComeOrderingPolicy = "fcfs-ordering-policy"
  case globalStrictFairnessPolicy = "global-strict-fairness-policy"
  case staticUsageLimitPolicy = "static-usage-limit-policy"
  case openAIParser = "openai-parser"
  case anthropicParser = "anthropic-parser"
  case passthroughParser = "passthrough-parser"
  case inFlightLoadProducer = "inflight-load-producer"
  case tokenProducer = "token-producer"

  /// A parameter and what it may be here.
  struct Parameter {
    enum Value {
      /// Has no effect, whatever it is.
      case any
      /// Other than not given or empty is not supported; what to use instead, if there is something.
      case unset(instead: String? = nil)
      case boolean(Bool)
      case number(Double)
      case duration(Duration)
      case text([String])
    }

    var name: String
    var value: Value

    init(_ name: String, _ value: Value) {
      self.name = name
      self.value = value
    }
  }

  var role: PluginRole {
    switch self {
    case .singleProfileHandler: .profileHandler
    case .metricsDataSource: .dataSource
    case .coreMetricsExtractor: .extractor
    case .utilizationDetector: .detector
    case .firstComeOrderingPolicy: .orderingPolicy
    case .globalStrictFairnessPolicy: .fairnessPolicy
    case .staticUsageLimitPolicy: .usageLimitPolicy
    case .openAIParser, .anthropicParser, .passthroughParser: .parser
    case .inFlightLoadProducer, .tokenProducer: .producer
    }
  }

  /// Whether the anchor adds it by itself, so that a file may refer to it without naming it in `plugins`.
  var isInjected: Bool {
    switch self {
    case .openAIParser, .anthropicParser, .passthroughParser, .inFlightLoadProducer, .tokenProducer: false
    default: true
    }
  }

  /// The anchor's parameters (its documentation at ebab6879). Where one changes what the picker does, only its default
  /// is taken: a file that asks for something else would be served otherwise than it says.
  var parameters: [Parameter] {
    switch self {
    case .metricsDataSource:
      [
        Parameter("scheme", .text(["http"])), Parameter("path", .text(["/metrics"])),
        Parameter("port", .unset(instead: "metricsPort in the endpoints file")), Parameter("insecureSkipVerify", .any),
        Parameter("caCertPath", .unset()), Parameter("clientCertPath", .unset()), Parameter("clientKeyPath", .unset()),
        Parameter("interval", .unset(instead: "--refresh-metrics-interval")),
      ]
    case .coreMetricsExtractor:
      [
        Parameter("engineLabelKey", .any), Parameter("defaultEngine", .text(["vllm", "sglang"])),
        Parameter("engineConfigs", .unset()),
      ]
    case .utilizationDetector:
      [
        Parameter("queueDepthThreshold", .number(5)), Parameter("kvCacheUtilThreshold", .number(0.8)),
        Parameter("metricsStalenessThreshold", .duration(.milliseconds(200))), Parameter("headroom", .number(0)),
      ]
    case .staticUsageLimitPolicy: [Parameter("threshold", .number(1))]
    case .inFlightLoadProducer:
      [
        Parameter("addEstimatedOutputTokens", .any), Parameter("outputRatio", .any),
        Parameter("maxEstimatedOutputTokens", .any), Parameter("prefixMatchInfoProducerName", .any),
        Parameter("syncCrossReplicaState", .boolean(false)),
      ]
    case .tokenProducer:
      [
        Parameter("estimate", .any), Parameter("modelName", .any), Parameter("vllm", .any),
        Parameter("udsTokenizerConfig", .any),
      ]
    default: []
    }
  }
}
