/// Names of the headers and metadata keys that the endpoint picker protocol uses, lower case.
package enum HeaderName {
  /// The pick: request header, and key in the dynamic metadata namespace `MetadataNamespace.loadBalancing`.
  package static let destinationEndpoint = "x-gateway-destination-endpoint"
  /// Scores of all candidates, key in the same namespace.
  package static let destinationEndpointScores = "x-gateway-destination-endpoint-scores"
  /// The subset hint, key in `MetadataNamespace.subsetHint`.
  package static let destinationEndpointSubset = "x-gateway-destination-endpoint-subset"
  /// Which endpoint served, key in `MetadataNamespace.loadBalancing` of the response phase.
  package static let destinationEndpointServed = "x-gateway-destination-endpoint-served"

  package static let prefillerHostPort = "x-prefiller-host-port"
  package static let encoderHostsPorts = "x-encoder-hosts-ports"
  package static let dataParallelHostPort = "x-data-parallel-host-port"
  package static let kvCacheSourceHostPort = "x-kv-cache-source-host-port"

  package static let fairnessID = "x-llm-d-inference-fairness-id"
  package static let fairnessIDOld = "x-gateway-inference-fairness-id"
  package static let objective = "x-llm-d-inference-objective"
  package static let objectiveOld = "x-gateway-inference-objective"
  package static let modelRewrite = "x-llm-d-model-name-rewrite"
  package static let modelRewriteOld = "x-gateway-model-name-rewrite"
  package static let droppedReason = "x-llm-d-request-dropped-reason"
  package static let sessionID = "x-session-id"
  package static let sessionToken = "x-session-token"

  package static let requestID = "x-request-id"
  package static let forwardedFor = "x-forwarded-for"
  package static let originalPath = "x-original-path"
  package static let forwardedPath = "x-forwarded-path"
  package static let contentLength = "content-length"
  package static let contentType = "content-type"
  package static let connection = "connection"
  package static let transferEncoding = "transfer-encoding"
  package static let path = ":path"
  package static let method = ":method"
  package static let retryAfter = "retry-after"

  /// Headers that only the picker may set: a client's copy is always removed, because the sidecar and the gateway
  /// act on them.
  package static let internalRequestHeaders: [String] = [
    destinationEndpoint, prefillerHostPort, encoderHostsPorts, dataParallelHostPort, kvCacheSourceHostPort,
    destinationEndpointSubset, destinationEndpointServed,
  ]
}

/// Metadata namespaces of the protocol.
package enum MetadataNamespace {
  package static let loadBalancing = "envoy.lb"
  package static let subsetHint = "envoy.lb.subset_hint"
}
