import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPScheduling

/// The token ids of a request's prompt.
extension Pool {
  /// Finds the token ids of a text, where some endpoint's events can be matched with them.
  ///
  /// - Returns: what to wait for.
  func render(
    _ request: inout InferenceRequest, _ body: RawSpan, _ stage: TokenStage, _ scratch: inout RoutingScratch,
    now: MonotonicTime
  ) -> (any PendingTokens)? {
    var ids: [UInt32]?
    let kind = PromptKind(request)
    switch stage {
    case .answered(let result): ids = result
    case .ask(let wake):
      guard let tokens, canRender(request, scratch.prompt) else { return nil }
      if tokenCounts.isSetAside(kind, now: now) {
        // No engine whose tokens could be relied on.
        tokenSeries?.nobody.increment()
        return nil
      }
      switch tokens.tokens(of: request, body: body, at: renderers(&scratch), wake: wake) {
      case .known(let known): ids = known
      case .pending(let pending): return pending
      case .unavailable: return nil
      }
    }
    guard let ids, !ids.isEmpty else { return nil }
    scratch.rendered.tokens = ids
    scratch.rendered.prompts = [0..<ids.count]
    scratch.renderedKind = kind
    request.promptTokens = ids.count
    return nil
  }

  /// Whether token ids would tell more than the text does.
  func canRender(_ request: InferenceRequest, _ prompt: borrowing CanonicalPrompt) -> Bool {
    guard request.api == .chatCompletions || request.api == .completions, !prompt.isTokens, !prompt.hasMedia,
      prompt.prompts.count == 1
    else { return false }
    let announcements = index.currentAnnouncements()
    // A token is a byte at least.
    return !announcements.followed.isEmpty && prompt.bytes.count > announcements.blockTokens && profile.usesPrefixes
  }

  /// Lets the source of events know a prompt that may tell what an endpoint holds.
  func tellPrompt(_ request: InferenceRequest, _ slot: EndpointSlot, _ scratch: borrowing RoutingScratch) {
    guard scratch.tokenQuery.blockCount > 0 else { return }
    guard scratch.announcements.adopting.contains(slot), request.cacheSalt == nil, !scratch.prompt.hasMedia,
      scratch.loRAName == nil
    else { return }
    let prompt = scratch.prompt.isTokens ? scratch.prompt.tokens : scratch.rendered.tokens
    let prompts = scratch.prompt.isTokens ? scratch.prompt.prompts : scratch.rendered.prompts
    if prompts.count == 1 { events.notePrompt(prompt, to: slot) }
  }

  /// Engines that can be asked for token ids: those that answer scrapes and whose events are followed, from a random one on.
  func renderers(_ scratch: inout RoutingScratch) -> [EndpointAddress] {
    let members = source.currentSnapshot().members
    let followed = index.currentAnnouncements().followed
    guard !members.isEmpty else { return [] }
    var result: [EndpointAddress] = []
    let start = Int.random(in: 0..<members.count, using: &scratch.scheduling.random)
    for offset in members.indices where result.count < Self.maximumRenderers {
      let member = members[(start + offset) % members.count]
      if !member.isStale, followed.contains(member.endpoint.slot) { result.append(member.endpoint.address) }
    }
    return result
  }

  private static let maximumRenderers = 3
}
