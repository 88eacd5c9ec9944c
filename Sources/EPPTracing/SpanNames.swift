import Tracing

/// The name of a span. Those that llm-d has too are named as there.
package enum SpanName: Sendable, Equatable {
  // The endpoint picker.
  /// The whole request, until the end of its answer where that is seen.
  case request
  /// From the request's body to its endpoint.
  case orchestration
  /// Waiting for the token ids of a prompt.
  case tokens
  /// The look-up of the prompt in the prefix index.
  case prefixMatch
  /// A scheduling profile.
  case profile
  /// All filters of a profile.
  case filters
  /// All scorers of a profile.
  case scoring
  /// The scorer of a type.
  case scorer(String)
  /// The picker of a profile.
  case picking
  // The routing sidecar.
  /// The whole request.
  case sidecarRequest
  /// Asking another engine to encode media.
  case encode
  /// Asking another engine to compute the prompt.
  case prefill
  /// Asking the own engine for the answer.
  case decode

  /// The name that collectors show.
  package var text: String {
    switch self {
    case .request: "gateway.request"
    case .orchestration: "gateway.request_orchestration"
    case .tokens: "tokenize_render"
    case .prefixMatch: "score_prefix_cache"
    case .profile: "run_scheduler_profile"
    case .filters: "filter_endpoints"
    case .scoring: "llm_d.epp.scoring"
    case .scorer(let type): "llm_d.epp.scorer.\(type)"
    case .picking: "pick_endpoints"
    case .sidecarRequest: "llm_d.pd_proxy.request"
    case .encode: "llm_d.pd_proxy.encode"
    case .prefill: "llm_d.pd_proxy.prefill"
    case .decode: "llm_d.pd_proxy.decode"
    }
  }
}

extension SpanName {
  /// The part of the span in a call between processes.
  var kind: SpanKind {
    switch self {
    case .request, .sidecarRequest: .server
    case .tokens, .encode, .prefill, .decode: .client
    case .orchestration, .prefixMatch, .profile, .filters, .scoring, .scorer, .picking: .internal
    }
  }
}

/// What is said of a span. Names that begin with `warmpath.` are our own; the others are those of llm-d and OpenTelemetry.
package enum SpanAttributeName: String, Sendable {
  // Of a request.
  case requestID = "gen_ai.request.id"
  case model = "gen_ai.request.model"
  case inputTokens = "gen_ai.usage.input_tokens"
  case outputTokens = "gen_ai.usage.output_tokens"
  case status = "http.response.status_code"
  case method = "http.request.method"
  case path = "url.path"
  case targetModel = "target_model"
  case priority = "request_prio"
  case endpoint = "warmpath.endpoint"
  case served = "warmpath.served_endpoint"
  case cachedTokens = "warmpath.cached_tokens"
  // Of the decision.
  case decidingScorer = "warmpath.deciding_scorer"
  case runnerUp = "warmpath.runner_up"
  case promptTokens = "warmpath.prompt_tokens"
  case predictedCachedTokens = "warmpath.predicted_cached_tokens"
  case matchedBlocks = "warmpath.matched_blocks"
  case promptBlocks = "warmpath.prompt_blocks"
  case profile = "llm_d.epp.scheduling.profile.name"
  case unfiltered = "llm_d.epp.filter.candidate_endpoints"
  case filtered = "llm_d.epp.filter.filtered_endpoints"
  case scorerCount = "llm_d.epp.scorer.count"
  case scoringCandidates = "llm_d.epp.scoring.candidate_endpoints"
  case scorerType = "llm_d.epp.scorer.type"
  case scorerName = "llm_d.epp.scorer.name"
  case scorerWeight = "llm_d.epp.scorer.weight"
  case scorerCandidates = "llm_d.epp.scorer.candidate_endpoints"
  case greatestScore = "llm_d.epp.scorer.score.max"
  case meanScore = "llm_d.epp.scorer.score.avg"
  case scored = "llm_d.epp.scorer.endpoints_scored"
  case pickerCandidates = "llm_d.epp.picker.candidate_endpoints"
  case topEndpoints = "llm_d.epp.picker.top_endpoints"
  case topScores = "llm_d.epp.picker.top_scores"
  // Of the sidecar.
  case connector = "llm_d.pd_proxy.connector"
  case target = "server.address"
}
