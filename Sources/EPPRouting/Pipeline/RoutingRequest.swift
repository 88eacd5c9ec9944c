package import EPPCore
import EPPPrefixCache
import EPPRequests
package import EPPTracing

/// How much of a request's body has been received when it is routed.
package enum ReceivedBody: Sendable, Equatable {
  /// Nothing: the request has no body, or the gateway does not send it in time.
  case none
  /// All of it.
  case whole
  /// The beginning, perhaps all of it (BUFFERED_PARTIAL).
  case beginning
}

/// A request as it reaches the pipeline, without its body.
package struct RequestArrival: Sendable {
  /// What the gateway sent besides the body.
  package var context: RequestContext
  /// When the request's headers arrived.
  package var receivedAt: MonotonicTime
  /// Whether the request's end will be reported to the resulting `InFlightRequest`.
  package var seesResponse: Bool
  /// The trace of the request; nil when it is not recorded.
  package var trace: RequestTrace?

  package init(
    context: RequestContext, receivedAt: MonotonicTime, seesResponse: Bool, trace: RequestTrace? = nil
  ) {
    self.trace = trace
    self.context = context
    self.receivedAt = receivedAt
    self.seesResponse = seesResponse
  }
}

/// A class of requests whose prompts are expected to become tokens in the same way: equal API, model and names of body members.
/// The members' values do not count, because each client has its own tools.
struct PromptKind: Hashable, Sendable {
  /// A hash instead of the values, because clients may send model names of any length.
  private let hash: Int

  init(_ request: InferenceRequest) {
    var hasher = Hasher()
    hasher.combine(request.api)
    hasher.combine(request.targetModel)
    hasher.combine(request.memberNames)
    hash = hasher.finalize()
  }
}

/// The state of one request in the pipeline. Each stage adds its part and reads those of earlier stages; a suspended request
/// keeps all of it.
struct RoutingRequest: Sendable {
  var context = RequestContext(requestID: "")
  var receivedAt = MonotonicTime(nanoseconds: 0)
  var seesResponse = false
  /// The trace of the request; nil when it is not recorded.
  var trace: RequestTrace?
  /// The configuration, read once.
  var configuration = RoutingConfiguration.empty
  /// The rules, read with the configuration.
  var rules = RequestRules()
  var snapshot = PoolSnapshot.empty
  /// Pool-wide facts from engines' events.
  var announcements = PrefixIndex.Announcements()

  // From `parse`.
  var parsed = InferenceRequest(api: .passthrough)
  var prompt = CanonicalPrompt()
  /// The priority by the request's objective; 0 without one.
  var priority = 0
  /// Whether the request is wanted only by an endpoint that holds the beginning of its prompt.
  var needsCachedPrompt = false
  /// The object whose rule has set the target model; nil when none has.
  var rewriteRule: String?

  // From `admit`.
  /// The token ids that were found for a text; empty when there are none.
  var rendered = CanonicalPrompt()
  /// The kind of prompt that `rendered` was found for; nil when there are none.
  var renderedKind: PromptKind?

  // From `match`.
  /// The adapter that the request asks for; nil for the base model.
  var loRAName: String?
  /// The blocks of the prompt's text.
  var textQuery = PrefixQuery()
  /// The blocks of the prompt's token ids.
  var tokenQuery = PrefixQuery()

  private static let maximumKeptBytes = 4 << 20

  /// The prompt's token ids: the client's own, or those found for its text.
  var tokenPrompt: CanonicalPrompt { prompt.isTokens ? prompt : rendered }

  /// The change of the body; nil for none.
  var rewrite: ModelRewrite? { ModelRewrite(parsed) }

  /// Sets the token ids that were found for the text.
  mutating func setRendered(_ ids: [UInt32]) {
    guard !ids.isEmpty else { return }
    rendered.tokens = ids
    rendered.prompts = [0..<ids.count]
    renderedKind = PromptKind(parsed)
    parsed.promptTokens = ids.count
  }

  /// Releases the request and keeps the storage for the next one, except that of unusually large prompts.
  mutating func removeAll() {
    context = RequestContext(requestID: "")
    trace = nil
    configuration = .empty
    rules = RequestRules()
    priority = 0
    needsCachedPrompt = false
    rewriteRule = nil
    snapshot = .empty
    announcements = PrefixIndex.Announcements()
    parsed = InferenceRequest(api: .passthrough)
    rendered = CanonicalPrompt()
    renderedKind = nil
    loRAName = nil
    // The queries share the prompt's storage.
    textQuery.removeAll()
    tokenQuery.removeAll()
    if prompt.bytes.capacity > Self.maximumKeptBytes || prompt.tokens.capacity > Self.maximumKeptBytes / 4 {
      prompt = CanonicalPrompt()
      textQuery = PrefixQuery()
      tokenQuery = PrefixQuery()
    }
  }
}
