import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPScheduling

/// Looks prompts up in the prefix index. Any thread may use it; no method waits.
struct PromptMatcher: Sendable {
  /// The index of the pool.
  let index: PrefixIndex
  /// Counts look-ups by token ids; nil where no engine's events are followed.
  let lookups: BlockLookupSeries?
  let clock: @Sendable () -> MonotonicTime

  /// Finds what each endpoint holds of the request's prompts: by their text, by the token ids of the request, or by the text
  /// and the token ids that were found for it.
  func match(_ scratch: inout RoutingScratch) {
    let settings = scratch.request.configuration.settings
    let isTokens = scratch.request.prompt.isTokens
    let hasTokens = isTokens || scratch.request.rendered.isTokens
    let isWanted = scratch.request.configuration.scheduler.usesPrefixes || scratch.request.needsCachedPrompt
    guard isWanted, !scratch.request.prompt.prompts.isEmpty else {
      scratch.request.textQuery.removeAll()
      scratch.request.tokenQuery.removeAll()
      scratch.scheduling.context.match.begin(hasText: false, hasTokens: false, followed: .empty)
      return
    }
    let followed = hasTokens ? scratch.request.announcements.followed : .empty
    let isMatchedByText = !isTokens && !(hasTokens && settings.followsEventsAlone)
    scratch.scheduling.context.match.begin(hasText: isMatchedByText, hasTokens: hasTokens, followed: followed)
    if hasTokens {
      matchTokens(&scratch, followed)
    } else {
      scratch.request.tokenQuery.removeAll()
    }
    if isTokens {
      scratch.request.textQuery.removeAll()
    } else {
      scratch.request.textQuery.begin(
        for: scratch.request.prompt, request: scratch.request.parsed, hasher: index.hasher,
        maximumTokens: settings.prefix.maximumTokens, blockTokens: index.limits.textBlockTokens)
      if isMatchedByText { index.match(&scratch.request.textQuery, into: &scratch.scheduling.context.match.text) }
    }
  }

  private func matchTokens(_ scratch: inout RoutingScratch, _ followed: SlotSet) {
    scratch.request.loRAName = loRAName(scratch.request)
    let announced = scratch.request.announcements.blockTokens
    scratch.request.tokenQuery.begin(
      for: scratch.request.tokenPrompt, request: scratch.request.parsed, hasher: index.hasher,
      maximumTokens: scratch.request.configuration.settings.prefix.maximumTokens,
      blockTokens: followed.isEmpty ? index.limits.textBlockTokens : announced, loRAName: scratch.request.loRAName)
    guard let lookups else {
      index.match(&scratch.request.tokenQuery, into: &scratch.scheduling.context.match.tokens)
      return
    }
    let start = clock()
    index.match(&scratch.request.tokenQuery, into: &scratch.scheduling.context.match.tokens)
    let time = clock().duration(since: start)
    let all = scratch.request.snapshot.members
    let members = all.span
    var longest = 0
    for index in members.indices {
      longest = max(longest, scratch.scheduling.context.match.tokens.matchedBlocks(members[index].endpoint.slot))
    }
    lookups.count(longestMatch: longest, time: time)
  }

  /// The adapter that the request's model is, if events or the engines' metrics pages name it; nil for the base model.
  private func loRAName(_ request: borrowing RoutingRequest) -> String? {
    let model = request.parsed.targetModel
    if request.announcements.loRANames.contains(model) { return model }
    let all = request.snapshot.members
    let members = all.span
    let adapter = LoRAState.Adapter(model)
    for index in members.indices where members[index].metrics.loRA.maximum > 0 {
      // An adapter is loaded before its first block is announced.
      if members[index].metrics.loRA.running.contains(adapter) || members[index].metrics.loRA.waiting.contains(adapter)
      {
        return model
      }
    }
    return nil
  }
}
