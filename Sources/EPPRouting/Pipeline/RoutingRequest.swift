package import EPPCore
import EPPPrefixCache
import EPPRequests

/// How much of a request's body is there when it is routed.
package enum ReceivedBody: Sendable, Equatable {
  /// Nothing: the request has no body, or the gateway keeps it back until it is too late.
  case none
  /// All of it.
  case whole
  /// The beginning, perhaps all of it (BUFFERED_PARTIAL).
  case beginning
}

/// A request as it reaches the pipeline: what the gateway says of it, and since when it is here.
package struct RequestArrival: Sendable {
  package var context: RequestContext
  package var receivedAt: MonotonicTime
  /// Whether the request's end will be told to the flight that follows from it.
  package var seesResponse: Bool

  package init(context: RequestContext, receivedAt: MonotonicTime, seesResponse: Bool) {
    self.context = context
    self.receivedAt = receivedAt
    self.seesResponse = seesResponse
  }
}

/// What requests have in common whose prompts become tokens in the same way: the API, the model, and which members their
/// bodies have. What the members say does not count, for each client has tools of its own.
struct PromptKind: Hashable, Sendable {
  /// One word, for names of models of any length come from anybody.
  private let hash: Int

  init(_ request: InferenceRequest) {
    var hasher = Hasher()
    hasher.combine(request.api)
    hasher.combine(request.targetModel)
    hasher.combine(request.memberNames)
    hash = hasher.finalize()
  }
}

/// Everything that is known of one request on its way through the pipeline. Each stage adds its part and reads those before it;
/// a request that is suspended keeps all of it.
struct RoutingRequest: Sendable {
  var context = RequestContext(requestID: "")
  var receivedAt = MonotonicTime(nanoseconds: 0)
  var seesResponse = false
  /// Read once: the request is decided by what they say, whatever comes meanwhile.
  var configuration = RoutingConfiguration.empty
  var snapshot = PoolSnapshot.empty
  /// What engines' events say of the pool.
  var announcements = PrefixIndex.Announcements()

  // From `parse`.
  var parsed = InferenceRequest(api: .passthrough)
  var prompt = CanonicalPrompt()

  // From `admit`.
  /// The token ids of a text, when they are known.
  var rendered = CanonicalPrompt()
  /// What they were found for.
  var renderedKind: PromptKind?

  // From `match`.
  /// The adapter that the request asks for; nil for the base model.
  var loRAName: String?
  /// The prompt's blocks by its text, and by its token ids.
  var textQuery = PrefixQuery()
  var tokenQuery = PrefixQuery()

  private static let maximumKeptBytes = 4 << 20

  /// The prompt's token ids, the client's own or those that were found for its text.
  var tokenPrompt: CanonicalPrompt { prompt.isTokens ? prompt : rendered }

  /// How the body has to be changed; nil leaves it as it is.
  var rewrite: ModelRewrite? { ModelRewrite(parsed) }

  /// Lets go of the request, and keeps the storage for the next one: what one large request needed is given back.
  mutating func removeAll() {
    context = RequestContext(requestID: "")
    configuration = .empty
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
