import EPPCore
import EPPMetrics
import EPPPrefixCache
import EPPScheduling

/// Which predictions can be held against what engines report, and what follows when they differ.
extension Pool {
  /// How well the prediction of a request is founded.
  struct Foundation {
    /// Whether the engine's own events say what it holds of this request: so it counts in the sums that are held against
    /// the engine's counters.
    var isExact: Bool
    /// Whether the answer has to report just that.
    var isAnnounced: Bool
    /// Whether it would be `isAnnounced` if the model is none of the engine's LoRA adapters.
    var isAnnouncedForBase: Bool
  }

  func foundation(
    _ decision: Decision, _ request: InferenceRequest, _ member: PoolSnapshot.Member,
    _ scratch: borrowing RoutingScratch
  ) -> Foundation {
    let slot = member.endpoint.slot
    let isExactForBase =
      decision.isExact && scratch.scheduling.match.followed.contains(slot) && !scratch.tokenQuery.isCut
      && !request.readsNoCache && !scratch.announcements.ranked.contains(slot)
    guard isExactForBase else { return Foundation(isExact: false, isAnnounced: false, isAnnouncedForBase: false) }
    // Of several prompts vLLM reports one alone, and of several answers to one the last, which found the first one's blocks.
    let prompts = scratch.prompt.isTokens ? scratch.prompt.prompts.count : scratch.rendered.prompts.count
    let isAnnouncedForBase = decision.isAnnounced && prompts == 1 && request.choices == 1
    let isExact = isKnown(request.targetModel, member, scratch.announcements)
    return Foundation(
      isExact: isExact, isAnnounced: isExact && isAnnouncedForBase, isAnnouncedForBase: isAnnouncedForBase)
  }

  /// Whether it is sure which of an engine's models is asked for: an adapter whose name no event has told yet is matched
  /// like the base model, and the engine holds nothing for it.
  private func isKnown(
    _ model: String, _ member: PoolSnapshot.Member, _ announcements: PrefixIndex.Announcements
  ) -> Bool {
    announcements.loRANames.contains(model)
      || announcements.loRANames.isEmpty && member.metrics.loRA.maximum == 0 || baseModels.contains(model)
  }

  /// The adapter that a model is, as far as events or the engines' metrics pages name it; nil for the base model.
  func loRAName(
    _ model: String, _ announcements: PrefixIndex.Announcements, _ snapshot: PoolSnapshot
  ) -> String? {
    if announcements.loRANames.contains(model) { return model }
    let all = snapshot.members
    let members = all.span
    for index in members.indices where members[index].metrics.loRA.maximum > 0 {
      // An adapter is loaded before its first block is announced.
      if members[index].metrics.loRA.running.contains(model) || members[index].metrics.loRA.waiting.contains(model) {
        return model
      }
    }
    return nil
  }

  /// An engine has told how much of a prompt came from its cache, of which its own events had announced something.
  func check(_ facts: InFlightRequest.Facts, reported: Int, at place: InFlightRequest.Place) {
    let predicted = facts.predictedCachedTokens
    let announcements = index.currentAnnouncements()
    guard facts.isAnnounced else {
      // An adapter of which nothing is cached may be predicted a block's worth by chance, the beginning that all prompts
      // share: only several blocks that are there prove something.
      if facts.isAnnouncedForBase, min(predicted, reported) > announcements.blockTokens,
        abs(predicted - reported) <= announcements.blockTokens
      {
        baseModels.insert(facts.model)
      }
      return
    }
    place.series.predictionError.observe(abs(predicted - reported))
    let verdict = endpoints.check(
      predicted: predicted, reported: reported, blockTokens: announcements.blockTokens,
      seesPicks: configuration.speculates, of: place.slot)
    guard case .wrong(let contradiction?) = verdict else { return }
    place.series.resyncs.increment()
    events.resynchronise(place.slot, contradiction)
    // A template that has changed leads to the same, unless not all is known of what the engine holds.
    if facts.rendered != nil, !announcements.adopting.contains(place.slot) { tokens?.distrust() }
  }

  /// An engine has counted the tokens of a prompt for which some were found.
  func noteTokenCount(agrees: Bool, _ kind: PromptKind, now: MonotonicTime) {
    if tokenCounts.note(agrees: agrees, kind, now: now) { tokens?.distrust() }
  }
}
