import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPScheduling
import Synchronization

/// Compares predicted cache contents with what engines report, by single answers and by the engines' counters. When they
/// contradict each other it has the endpoint's cache learned anew (`CacheEventSource`) and known token ids forgotten
/// (`PromptTokenSource`). Any thread may use it.
package final class CacheVerifier: Sendable {
  /// How reliable the prediction for a request is.
  struct Confidence: Sendable {
    /// Whether the prediction rests on the engine's events, so that the request counts in the comparison with the engine's
    /// counters.
    var isExact = false
    /// Whether the engine has announced all predicted blocks, so that its answer must report just these.
    var isAnnounced = false
    /// Whether `isAnnounced` would be true if the model is none of the engine's LoRA adapters.
    var isAnnouncedForBase = false
    /// Tokens in a block of the engine.
    var blockTokens = 16
    /// Whether the engine holds blocks that are not known.
    var isAdopting = false
  }

  /// The state of one endpoint.
  private struct Entry {
    var slot: EndpointSlot
    var answers = PredictionCheck()
    var counters = EngineCounterCheck()
    /// Prompt tokens of all requests sent there.
    var sent = 0
    /// Prompt tokens of requests whose prediction rests on the engine's events.
    var exact = 0
    /// Prompt tokens predicted to be in its cache.
    var predicted = 0
    /// Predicted prompt tokens that its events had announced.
    var announced = 0
    /// Whether its answers contain cached tokens (vLLM's `--enable-prompt-tokens-details`).
    var givesDetails = false
  }

  private let entries = Mutex<[Entry?]>(Array(repeating: nil, count: EndpointSlot.capacity))
  private let baseModels = BaseModels()
  private let tokenCounts = TokenCountCheck()
  private let events: any CacheEventSource
  private let tokens: (any PromptTokenSource)?
  private let endpoints: EndpointSeriesTable

  init(events: any CacheEventSource, tokens: (any PromptTokenSource)?, endpoints: EndpointSeriesTable) {
    self.events = events
    self.tokens = tokens
    self.endpoints = endpoints
  }

  /// Forgets an endpoint that has left the pool.
  func remove(_ slot: EndpointSlot) {
    entries.withLock { if $0[slot.index]?.slot == slot { $0[slot.index] = nil } }
  }

  /// Changes the state of an endpoint, under a lock.
  private func change<Result>(_ slot: EndpointSlot, _ body: (inout Entry) -> Result) -> Result {
    entries.withLock { entries in
      var entry = entries[slot.index].flatMap { $0.slot == slot ? $0 : nil } ?? Entry(slot: slot)
      defer { entries[slot.index] = entry }
      return body(&entry)
    }
  }

  // MARK: - When a request leaves

  /// How reliable the prediction of a decision is.
  func confidence(
    in decision: Decision, _ request: borrowing RoutingRequest
  ) -> Confidence {
    // Members are large, and an argument would be a copy.
    let all = request.snapshot.members
    let members = all.span
    let picked = decision.picks[0]
    let slot = members[picked].endpoint.slot
    let announcements = request.announcements
    guard decision.isExact, announcements.followed.contains(slot), !request.tokenQuery.isCut,
      !request.parsed.readsNoCache, !announcements.ranked.contains(slot)
    else { return Confidence() }
    // Of several prompts vLLM reports one alone, and of several answers to one the last, which found the first one's blocks.
    let prompts = request.prompt.isTokens ? request.prompt.prompts.count : request.rendered.prompts.count
    let isAnnouncedForBase = decision.isAnnounced && prompts == 1 && request.parsed.choices == 1
    let isExact = isKnown(
      request.parsed.targetModel, announcements, hasAdapters: members[picked].metrics.loRA.maximum > 0)
    return Confidence(
      isExact: isExact, isAnnounced: isExact && isAnnouncedForBase, isAnnouncedForBase: isAnnouncedForBase,
      blockTokens: announcements.blockTokens, isAdopting: announcements.adopting.contains(slot))
  }

  /// Whether it is certain which of an engine's models is requested. An adapter that no event has named yet is matched like the
  /// base model, and the engine holds nothing for it.
  private func isKnown(
    _ model: String, _ announcements: PrefixIndex.Announcements, hasAdapters: Bool
  ) -> Bool {
    announcements.loRANames.contains(model)
      || announcements.loRANames.isEmpty && !hasAdapters || baseModels.contains(model)
  }

  /// Passes a prompt to the source of events, if it may identify unknown blocks of an endpoint.
  func notePrompt(_ request: borrowing RoutingRequest, to slot: EndpointSlot) {
    guard request.tokenQuery.blockCount > 0, request.announcements.adopting.contains(slot),
      request.parsed.cacheSalt == nil, !request.prompt.hasMedia, request.loRAName == nil
    else { return }
    let prompt = request.tokenPrompt
    if prompt.prompts.count == 1 { events.notePrompt(prompt.tokens, to: slot) }
  }

  /// Counts a request that is sent to an endpoint.
  ///
  /// - Parameters:
  ///   - tokens: tokens of the prompt.
  ///   - predicted: tokens expected in the endpoint's cache.
  ///   - announced: part of `predicted` that the engine's events announced.
  func noteDispatch(
    tokens: Int, predicted: Int, announced: Int, _ confidence: Confidence, _ serving: InFlightRequest.ServingEndpoint
  ) {
    guard tokens > 0 else { return }
    change(serving.slot) { entry in
      entry.sent += tokens
      entry.predicted += predicted
      guard confidence.isExact else { return }
      entry.exact += tokens
      entry.announced += announced
    }
    guard confidence.isExact else { return }
    serving.series.prefixExactTokens.increment(by: tokens)
    serving.series.prefixAnnouncedTokens.increment(by: announced)
  }

  // MARK: - When an answer has come

  /// The cached tokens that an answer reports; nil when it reports none.
  ///
  /// An engine that reports them omits the value 0 (vLLM 0.22).
  func cachedTokens(_ usage: TokenUsage, isGeneration: Bool, of slot: EndpointSlot) -> Int? {
    // Other APIs than chats and completions name them always, or never.
    guard isGeneration else { return usage.cachedTokens }
    return change(slot) { entry in
      if let cached = usage.cachedTokens {
        entry.givesDetails = true
        return cached
      }
      return usage.promptTokens != nil && entry.givesDetails ? 0 : nil
    }
  }

  /// Compares the cached tokens that an answer reports with the prediction.
  func verify(
    _ dispatched: InFlightRequest.DispatchRecord, reported: Int, speculates: Bool,
    at serving: InFlightRequest.ServingEndpoint
  ) {
    let predicted = dispatched.predictedCachedTokens
    let confidence = dispatched.confidence
    guard confidence.isAnnounced else {
      // An adapter of which nothing is cached may be predicted a block's worth by chance, the beginning that all prompts
      // share: only several blocks that are there prove something.
      if confidence.isAnnouncedForBase, min(predicted, reported) > confidence.blockTokens,
        abs(predicted - reported) <= confidence.blockTokens
      {
        baseModels.insert(dispatched.model)
      }
      return
    }
    serving.series.predictionError.observe(abs(predicted - reported))
    let verdict = change(serving.slot) {
      $0.answers.note(
        predicted: predicted, reported: reported, blockTokens: confidence.blockTokens, seesPicks: speculates)
    }
    guard case .wrong(let contradiction?) = verdict else { return }
    serving.series.resyncs.increment()
    events.resynchronise(serving.slot, contradiction)
    // A template that has changed leads to the same, unless not all is known of what the engine holds.
    if dispatched.rendered != nil, !confidence.isAdopting { tokens?.invalidate() }
  }

  /// Whether no token ids should be looked for, for a kind of prompt.
  func isSetAside(_ kind: PromptKind, now: MonotonicTime) -> Bool { tokenCounts.isSetAside(kind, now: now) }

  /// Records whether an engine counted as many tokens as were found for a prompt.
  func noteTokenCount(agrees: Bool, _ kind: PromptKind, now: MonotonicTime) {
    if tokenCounts.note(agrees: agrees, kind, now: now) { tokens?.invalidate() }
  }

  // MARK: - Once a second

  /// Compares the predictions for an endpoint with its engine's counters. To be called once a second.
  func checkCounters(of member: PoolSnapshot.Member) {
    guard let queried = member.metrics.prefixCacheQueriedTokens, let hits = member.metrics.prefixCacheHitTokens,
      !member.isStale
    else { return }
    let slot = member.endpoint.slot
    let verdict = change(slot) { entry in
      entry.counters.note(
        EngineCounterCheck.Reading(
          engineQueried: queried, engineHits: hits, sent: entry.sent, exact: entry.exact, predicted: entry.predicted,
          announced: entry.announced))
    }
    let series = endpoints.series(of: member.endpoint)
    switch verdict {
    case .right(let error):
      series.counterError.set(error)
    case .wrong(let error, let contradiction):
      series.counterError.set(error)
      guard let contradiction else { return }
      series.resyncs.increment()
      events.resynchronise(slot, contradiction)
    case .nothingMatches:
      series.unmatchedWindows.increment()
      events.noteUnmatched(slot)
    case nil:
      break
    }
  }

  /// Records that an endpoint's engine was restarted, perhaps with other flags.
  func noteStart(of slot: EndpointSlot, at time: Double) {
    change(slot) { $0.givesDetails = false }
    events.noteStart(of: slot, at: time)
  }
}
