/// Names of the headers and metadata keys that the endpoint picker protocol uses, lower case.
package enum HeaderName {
  /// The picked endpoint, `ip:port`: request header, and key in the dynamic metadata namespace
  /// `MetadataNamespace.loadBalancing`.
  package static let destinationEndpoint = "x-gateway-destination-endpoint"
  /// Scores of all candidates: key in `MetadataNamespace.loadBalancing`.
  package static let destinationEndpointScores = "x-gateway-destination-endpoint-scores"
  /// The subset hint: key in `MetadataNamespace.subsetHint`.
  package static let destinationEndpointSubset = "x-gateway-destination-endpoint-subset"
  /// The endpoint that served the request: key in `MetadataNamespace.loadBalancing` of the response phase.
  package static let destinationEndpointServed = "x-gateway-destination-endpoint-served"

  /// Where llm-d's sidecar sends the prefill.
  package static let prefillerHostPort = "x-prefiller-host-port"
  /// Where llm-d's sidecar sends the encoding of media.
  package static let encoderHostsPorts = "x-encoder-hosts-ports"
  /// The data-parallel rank to which llm-d's sidecar sends the request.
  package static let dataParallelHostPort = "x-data-parallel-host-port"
  /// Where llm-d's sidecar fetches KV cache blocks from.
  package static let kvCacheSourceHostPort = "x-kv-cache-source-host-port"

  /// The picker's signature of the headers to the sidecar.
  package static let routingSignature = "x-warmpath-routing-signature"

  /// The fairness id of a request.
  package static let fairnessID = "x-llm-d-inference-fairness-id"
  /// Older name of `fairnessID`.
  package static let fairnessIDOld = "x-gateway-inference-fairness-id"
  /// The objective of a request.
  package static let objective = "x-llm-d-inference-objective"
  /// Older name of `objective`.
  package static let objectiveOld = "x-gateway-inference-objective"
  /// The model that the engine is asked for instead of the client's.
  package static let modelRewrite = "x-llm-d-model-name-rewrite"
  /// Older name of `modelRewrite`.
  package static let modelRewriteOld = "x-gateway-model-name-rewrite"
  /// Why a request was rejected: response header, a `Rejection.DroppedReason`.
  package static let droppedReason = "x-llm-d-request-dropped-reason"
  /// The session id, unless a plugin names another header.
  package static let sessionID = "x-session-id"
  /// The token of a session's endpoint, in both directions, unless a plugin names another header.
  package static let sessionToken = "x-session-token"
  /// The client's cookies.
  package static let cookie = "cookie"
  /// A cookie for the client to keep: response header.
  package static let setCookie = "set-cookie"

  /// The id of a request.
  package static let requestID = "x-request-id"
  /// The addresses of client and proxies, appended from left to right.
  package static let forwardedFor = "x-forwarded-for"
  /// The path before a rewrite by a proxy.
  package static let originalPath = "x-original-path"
  /// The path that a proxy received.
  package static let forwardedPath = "x-forwarded-path"
  /// The size of a body in bytes.
  package static let contentLength = "content-length"
  /// The media type of a body.
  package static let contentType = "content-type"
  /// Options of the connection, such as `upgrade`.
  package static let connection = "connection"
  /// The transfer coding of a body without `content-length`.
  package static let transferEncoding = "transfer-encoding"
  /// The path pseudo-header.
  package static let path = ":path"
  /// The method pseudo-header.
  package static let method = ":method"
  /// The client's preferences (RFC 7240).
  package static let prefer = "prefer"
  /// Seconds after which a client may retry.
  package static let retryAfter = "retry-after"

  /// Headers to the sidecar, in the order in which they are signed.
  package static let routingHeaders = [
    prefillerHostPort, encoderHostsPorts, dataParallelHostPort, kvCacheSourceHostPort,
  ]

  /// Headers that only the picker may set: a client's copy is always removed, because the sidecar and the gateway act on them.
  package static let internalRequestHeaders: [String] = [
    destinationEndpoint, prefillerHostPort, encoderHostsPorts, dataParallelHostPort, kvCacheSourceHostPort,
    routingSignature, destinationEndpointSubset, destinationEndpointServed,
  ]
}

/// Metadata namespaces of the protocol.
package enum MetadataNamespace {
  /// The namespace of the picked and the served endpoint.
  package static let loadBalancing = "envoy.lb"
  /// The namespace of the subset hint.
  package static let subsetHint = "envoy.lb.subset_hint"
}
