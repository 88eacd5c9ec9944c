import EPPScheduling

/// `first`: picks the first candidate, whatever the sums: the least that a picker can do.
struct FirstPicker: Picker {
  static let plugin = ConfiguredPlugin(
    PluginDescriptor("first", "Picks the first candidate", parts: [.picker { _ in FirstPicker() }]))

  func pick(_ totals: borrowing [Double], using random: inout PickRandom, into picks: inout [Int]) {
    picks.removeAll(keepingCapacity: true)
    if !totals.isEmpty { picks.append(0) }
  }
}

/// `spread`: scores of many values, for pickers; a few candidates share each of them.
struct SpreadScorer: Scorer {
  static let plugin = ConfiguredPlugin(
    PluginDescriptor("spread", "Scores of many values", parts: [.scorer { _, _ in SpreadScorer() }]))

  func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    for position in scores.indices { scores[position] = Double(position &* 37 & 127) / 128 }
  }
}

/// `stages`: the first profile picks the endpoint that decodes, the second one the one that computes the prompt.
struct StagesHandler: ProfileHandler {
  static let plugin = ConfiguredPlugin(
    PluginDescriptor("stages", "Runs two profiles", parts: [.profileHandler { _, _ in StagesHandler() }]))

  func next(after runs: borrowing [ProfileRun], _ context: borrowing SchedulingContext) -> ProfileStep {
    switch runs.count {
    case 0: .run(profile: 0, for: .decode)
    case 1: .run(profile: 1, for: .prefill)
    default: .finish(ProfileEffects())
    }
  }
}
