package import EPPCore
import EPPMetrics
import EPPPrefixCache

/// A profile with its plugins: filters, weighted scorers and a picker.
///
/// Immutable except for the state of its plugins, and shared by all threads. A new configuration makes a new profile; requests
/// that have begun finish with the old one.
package final class SchedulingProfile: Sendable {
  // Read for each request: small, for every copy is a retain of each field.
  private struct Narrowing: Sendable {
    let filter: any Filter
    let duration: Histogram?
  }

  private struct Weighted: Sendable {
    let name: String
    let scorer: any Scorer
    let weight: Double
    let duration: Histogram?
  }

  /// The configuration that the profile was made from.
  package let configuration: ProfileConfiguration
  /// Whether a plugin needs the prefix match.
  package let usesPrefixes: Bool
  /// Headers that plugins read, in lower case.
  package let headerNames: [String]
  private let environment: PluginEnvironment
  /// The scorers that were made, for a profile that replaces this one.
  private let madeScorers: [(plugin: ConfiguredPlugin, scorer: any Scorer)]
  /// The filters that were made, for a profile that replaces this one.
  private let madeFilters: [(plugin: ConfiguredPlugin, filter: any Filter)]
  /// The observers that were made by themselves, for a profile that replaces this one.
  private let madeObservers: [(plugin: ConfiguredPlugin, observer: any RequestObserver)]
  private let eligibility: [Narrowing]
  private let preference: [Narrowing]
  private let scorers: [Weighted]
  private let picker: any Picker
  private let observers: [any RequestObserver]
  private let timing: PluginTiming?
  private let pickerDuration: Histogram?

  /// Makes the plugins of a configuration.
  ///
  /// - Parameters:
  ///   - environment: what the plugins share.
  ///   - predecessor: the profile that this one replaces; plugins with equal type, name and arguments are taken over with their
  ///     state.
  ///   - timing: measures the plugins; nil for no measurement.
  package init(
    _ configuration: ProfileConfiguration, _ environment: PluginEnvironment,
    replacing predecessor: SchedulingProfile? = nil, timing: PluginTiming? = nil
  ) {
    self.configuration = configuration
    self.environment = environment
    self.timing = timing
    let kept = predecessor.flatMap { $0.environment.makesTheSame(as: environment) ? $0 : nil }
    madeFilters = configuration.filters.compactMap { plugin in
      (kept?.filter(plugin) ?? plugin.makeFilter(environment)).map { (plugin, $0) }
    }
    let filters =
      [SubsetFilter() as any Filter, ListeningFilter()].map { Narrowing(filter: $0, duration: nil) }
      + madeFilters.map { Narrowing(filter: $0.filter, duration: timing?.histogram(.filter, $0.plugin)) }
    eligibility = filters.filter { $0.filter.phase == .eligibility }
    preference = filters.filter { $0.filter.phase == .preference }
    var madeScorers: [(plugin: ConfiguredPlugin, scorer: any Scorer)] = []
    var scorers: [Weighted] = []
    for entry in configuration.scorers {
      guard let scorer = kept?.scorer(entry.plugin) ?? entry.plugin.makeScorer(environment) else { continue }
      madeScorers.append((entry.plugin, scorer))
      scorers.append(
        Weighted(
          name: entry.plugin.name, scorer: scorer, weight: entry.weight.isFinite ? max(0, entry.weight) : 0,
          duration: timing?.histogram(.scorer, entry.plugin)))
    }
    self.madeScorers = madeScorers
    self.scorers = scorers
    picker = configuration.picker.makePicker() ?? MaximumScorePicker(maximumEndpoints: 1)
    pickerDuration = timing?.histogram(.picker, configuration.picker)
    madeObservers = configuration.observers.compactMap { plugin in
      (kept?.observer(plugin) ?? plugin.makeObserver(environment)).map { (plugin, $0) }
    }
    observers =
      filters.compactMap(\.filter.observer) + scorers.compactMap(\.scorer.observer) + madeObservers.map(\.observer)
    let plugins =
      configuration.filters + configuration.scorers.map(\.plugin) + [configuration.picker] + configuration.observers
    let needs = plugins.map { $0.descriptor.needs($0.arguments, environment) }
    usesPrefixes = needs.contains(where: \.prefixMatch)
    headerNames = needs.flatMap(\.headers)
  }

  /// A profile without scorers, which picks any candidate.
  package static let empty = SchedulingProfile(
    ProfileConfiguration(name: "", scorers: [], picker: ConfiguredPlugin(RandomPicker.descriptor)),
    PluginEnvironment(seed: HashSeed(first: 0, second: 0)))

  private func scorer(_ plugin: ConfiguredPlugin) -> (any Scorer)? { madeScorers.first { $0.plugin == plugin }?.scorer }

  private func filter(_ plugin: ConfiguredPlugin) -> (any Filter)? { madeFilters.first { $0.plugin == plugin }?.filter }

  private func observer(_ plugin: ConfiguredPlugin) -> (any RequestObserver)? {
    madeObservers.first { $0.plugin == plugin }?.observer
  }

  /// The plugins that tell how much they remember, with their names.
  package var stateReporters: [(name: String, reporter: any PluginStateReporting)] {
    let made: [(ConfiguredPlugin, Any)] =
      madeFilters.map { ($0.plugin, $0.filter) } + madeScorers.map { ($0.plugin, $0.scorer) }
      + madeObservers.map { ($0.plugin, $0.observer) }
    return made.compactMap { plugin, part in (part as? any PluginStateReporting).map { (plugin.name, $0) } }
  }

  // MARK: - The way of a request

  /// Starts the scheduling of a request: applies the eligibility filters and sets `scratch.context.candidates`.
  package func selectCandidates(
    _ snapshot: PoolSnapshot, _ request: InferenceRequest, _ context: RequestContext, now: MonotonicTime,
    _ scratch: inout SchedulingScratch
  ) {
    scratch.context.begin(snapshot, request, context, now: now)
    narrow(by: eligibility, &scratch)
  }

  /// Decides among the candidates. `scratch.context.match` has to be filled in. Nil when no candidate is left.
  package func schedule(_ scratch: inout SchedulingScratch) -> Decision? {
    narrow(by: preference, &scratch)
    let count = scratch.context.candidates.count
    guard count > 0 else { return nil }
    scratch.allScores.removeAll(keepingCapacity: true)
    scratch.totals.removeAll(keepingCapacity: true)
    scratch.totals.append(contentsOf: repeatElement(0, count: count))
    var lap = timing.map { PluginTiming.Lap($0) }
    for row in scorers.indices {
      scratch.scores.removeAll(keepingCapacity: true)
      scratch.scores.append(contentsOf: repeatElement(0, count: count))
      scorers[row].scorer.score(scratch.context, into: &scratch.scores)
      let weight = scorers[row].weight
      for index in 0..<count {
        // A comparison with NaN is false.
        let score = scratch.scores[index] > 0 ? min(1, scratch.scores[index]) : 0
        scratch.allScores.append(score)
        scratch.totals[index] += score * weight
      }
      lap?.finish(scorers[row].duration)
    }
    picker.pick(scratch.totals, using: &scratch.random, into: &scratch.picks)
    lap?.finish(pickerDuration)
    guard let best = scratch.picks.first else { return nil }
    return decision(best, scratch)
  }

  /// Whether a plugin is notified of picks.
  package var hasObservers: Bool { !observers.isEmpty }

  /// Notifies the plugins of a pick, and returns what they add to the request.
  package func picked(_ pick: borrowing PickedRequest) -> PickEffects {
    var effects = PickEffects()
    for observer in observers { observer.picked(pick, &effects) }
    return effects
  }

  private func narrow(by filters: [Narrowing], _ scratch: inout SchedulingScratch) {
    for entry in filters where !scratch.context.candidates.isEmpty {
      var lap = entry.duration == nil ? nil : timing.map { PluginTiming.Lap($0) }
      entry.filter.filter(scratch.context, &scratch.selection)
      if scratch.selection.isNarrowed {
        scratch.context.keep(scratch.selection.kept)
        scratch.selection.reset()
      }
      lap?.finish(entry.duration)
    }
  }

  // MARK: - Why

  private func decision(_ best: Int, _ scratch: borrowing SchedulingScratch) -> Decision {
    // The gateway's second choice is the runner-up unless one that it does not try has a greater sum.
    var runnerUp = scratch.picks.count > 1 ? scratch.picks[1] : nil
    for index in scratch.totals.indices where index != best {
      if runnerUp.map({ scratch.totals[index] > scratch.totals[$0] }) ?? true { runnerUp = index }
    }
    let candidates = scratch.context.candidates
    let slot = scratch.context.slots[best]
    return Decision(
      picks: scratch.picks.map { candidates[$0] }, score: scratch.totals[best],
      runnerUp: runnerUp.map { candidates[$0] },
      reason: reason(best, over: runnerUp, scratch), matchedBlocks: scratch.context.match.matchedBlocks(slot),
      totalBlocks: scratch.context.match.totalBlocks(slot), matchedTokens: scratch.context.match.matchedTokens(slot),
      reusableTokens: scratch.context.match.reusableTokens(slot), isExact: scratch.context.match.isExact(slot),
      announcedTokens: scratch.context.match.announcedTokens(slot),
      isAnnounced: scratch.context.match.isAnnounced(slot), candidateCount: candidates.count)
  }

  private func reason(_ best: Int, over runnerUp: Int?, _ scratch: borrowing SchedulingScratch) -> Decision.Reason {
    guard let runnerUp else { return .onlyCandidate }
    if scratch.totals[best] == scratch.totals[runnerUp] { return .tie }
    if scratch.totals[best] < scratch.totals[runnerUp] { return .random }
    let count = scratch.totals.count
    var reason = Decision.Reason.tie
    var greatest = 0.0
    for (row, entry) in scorers.enumerated() {
      let difference = scratch.allScores[row * count + best] - scratch.allScores[row * count + runnerUp]
      if difference * entry.weight > greatest {
        greatest = difference * entry.weight
        reason = .scorer(name: entry.name, advantage: greatest)
      }
    }
    return reason
  }

  /// All scores and loads behind the last decision made with `scratch`.
  package func explain(_ decision: Decision, _ scratch: borrowing SchedulingScratch) -> DecisionExplanation {
    let count = scratch.totals.count
    let members = scratch.context.snapshot.members
    var candidates: [DecisionExplanation.Candidate] = []
    for position in 0..<count {
      var opinions: [DecisionExplanation.Opinion] = []
      for (row, entry) in scorers.enumerated() {
        opinions.append(
          DecisionExplanation.Opinion(
            scorer: entry.name, weight: entry.weight, score: scratch.allScores[row * count + position]))
      }
      let index = scratch.context.candidates[position]
      candidates.append(
        DecisionExplanation.Candidate(
          index: index, name: members[index].endpoint.name, total: scratch.totals[position], opinions: opinions,
          load: scratch.context.loads[position],
          matchedBlocks: scratch.context.match.matchedBlocks(scratch.context.slots[position])))
    }
    candidates.sort { ($0.total, -$0.index) > ($1.total, -$1.index) }
    return DecisionExplanation(decision: decision, candidates: candidates)
  }
}

extension ConfiguredPlugin {
  /// Makes the scorer of the plugin; nil when it is no scorer.
  func makeScorer(_ environment: PluginEnvironment) -> (any Scorer)? {
    for case .scorer(let make) in descriptor.parts { return make(arguments, environment) }
    return nil
  }

  /// Makes the filter of the plugin; nil when it is no filter.
  func makeFilter(_ environment: PluginEnvironment) -> (any Filter)? {
    for case .filter(let make) in descriptor.parts { return make(arguments, environment) }
    return nil
  }

  /// Makes the observer of the plugin; nil when it is none by itself.
  func makeObserver(_ environment: PluginEnvironment) -> (any RequestObserver)? {
    for case .observer(let make) in descriptor.parts { return make(arguments, environment) }
    return nil
  }

  /// Makes the picker of the plugin; nil when it is no picker.
  func makePicker() -> (any Picker)? {
    for case .picker(let make) in descriptor.parts { return make(arguments) }
    return nil
  }
}
