/// The names of all labels that the families carry.
enum LabelName: String, Sendable {
  case apiType = "api_type"
  case buildRef = "build_ref"
  case cacheKind = "cache_kind"
  case code
  case commit
  case connector
  case decisionType = "decision_type"
  case detector
  case direction
  case endpointName = "endpoint_name"
  case endpointRole = "endpoint_role"
  case errorCode = "error_code"
  case extensionPoint = "extension_point"
  case extractorType = "extractor_type"
  case fairnessID = "fairness_id"
  case inferencePool = "inference_pool"
  case modality
  case modelName = "model_name"
  case modelRewriteName = "model_rewrite_name"
  case modelServerEndpoint = "model_server_endpoint"
  case name
  case namespace
  case operation
  case outcome
  case pod
  case podIdentifier = "pod_identifier"
  case pluginName = "plugin_name"
  case pluginType = "plugin_type"
  case port
  case priority
  case producerName = "producer_name"
  case profile
  case rank
  case reason
  case resource
  case result
  case source
  case sourceType = "source_type"
  case stage
  case state
  case status
  case streaming
  case targetModel = "target_model"
  case targetModelName = "target_model_name"
}

extension [LabelName] {
  /// The labels of families that are counted per request.
  static let request: [LabelName] = [.modelName, .targetModelName, .fairnessID, .priority]
  /// The labels of families that are counted per plugin.
  static let plugin: [LabelName] = [.pluginName, .pluginType]
}
