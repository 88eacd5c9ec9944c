package import EPPCore
import EPPMetrics
package import EPPPrefixCache
import EPPTracing

/// Chooses endpoints for requests by a configuration: common filters, admission, and the profiles that the profile handler
/// chooses.
///
/// Immutable except for the state of its plugins, and shared by all threads. A new configuration makes a new scheduler; requests
/// that have begun finish with the old one.
package final class Scheduler: Sendable {
  /// The configuration that the scheduler was made from.
  package let configuration: SchedulerConfiguration
  /// Whether a plugin needs the prefix match.
  package let usesPrefixes: Bool
  /// Headers that plugins read, in lower case.
  package let headerNames: [String]
  /// Whether a plugin is notified of picks.
  package let hasObservers: Bool
  /// Measures the saturation of the pool.
  package let detector: any SaturationDetector
  private let instances: PluginInstances
  private let profiles: [SchedulingProfile]
  /// Nil when every request goes through the one profile.
  private let handler: (any ProfileHandler)?
  private let screens: [Measured<any Filter>]
  private let admission: [Measured<any AdmissionPlugin>]
  private let observers: [Observer]
  /// The data producers, in the order of their numbers.
  package let producers: [any DataProducer]
  private let timing: PluginTiming?
  private let durations: Durations

  /// A plugin with what measures it; nil for no measurement.
  private struct Measured<Plugin: Sendable>: Sendable {
    let plugin: Plugin
    let duration: Histogram?
  }

  /// A plugin that is notified of picks.
  private struct Observer: Sendable {
    let observer: any RequestObserver
    /// What measures it and its followers; nil for no measurement.
    let duration: Histogram?
    let followers: MeasuredFollower.Durations?
  }

  /// What measures the plugins that are not called one by one; nil for no measurement.
  private struct Durations: Sendable {
    var choosingProfiles: Histogram?
    var endingProfiles: Histogram?
    /// In the order of the data producers: before the profiles run, and at the pick.
    var producing: [Histogram?] = []
    var noting: [Histogram?] = []
  }

  /// Makes the plugins of a configuration.
  ///
  /// - Parameters:
  ///   - environment: what the plugins share.
  ///   - predecessor: the scheduler that this one replaces; plugins with equal type, name and arguments are taken over with
  ///     their state.
  ///   - timing: measures the plugins; nil for no measurement.
  package init(
    _ configuration: SchedulerConfiguration, _ environment: PluginEnvironment, replacing predecessor: Scheduler? = nil,
    timing: PluginTiming? = nil
  ) {
    self.configuration = configuration
    let instances = PluginInstances(configuration, environment, replacing: predecessor?.instances)
    self.instances = instances
    profiles = configuration.profiles.map { SchedulingProfile($0, instances, timing: timing) }
    handler = configuration.handler.flatMap { instances.makeHandler($0) }
    detector =
      instances.makeDetector(configuration.detector) ?? UtilizationDetector(PluginArguments())
    screens = configuration.screens.compactMap { plugin in
      instances.filter(plugin).map { Measured(plugin: $0, duration: timing?.histogram(.filter, plugin)) }
    }
    admission = configuration.admission.compactMap { plugin in
      instances.admission(plugin).map {
        Measured(plugin: $0, duration: timing?.histogram(.admission, plugin))
      }
    }
    let plugins = configuration.plugins
    observers = plugins.flatMap { plugin in
      instances.observers(of: plugin).map {
        Observer(
          observer: $0, duration: timing?.histogram(.preRequest, plugin),
          followers: timing.map { MeasuredFollower.Durations($0, plugin) })
      }
    }
    producers = instances.producers
    self.timing = timing
    var durations = Durations()
    durations.producing = instances.producingPlugins.map { timing?.histogram(.dataProducer, $0) }
    durations.noting = instances.producingPlugins.map { timing?.histogram(.preRequest, $0) }
    if let handler = configuration.handler {
      durations.choosingProfiles = timing?.histogram(.profilePicker, handler)
      durations.endingProfiles = timing?.histogram(.processProfilesResults, handler)
    }
    self.durations = durations
    hasObservers = !observers.isEmpty || !producers.isEmpty
    let needs = plugins.map { $0.descriptor.needs($0.arguments, environment) }
    usesPrefixes = needs.contains(where: \.prefixMatch) || !producers.isEmpty
    headerNames = needs.flatMap(\.headers)
  }

  /// A scheduler without scorers, which picks any candidate.
  package static let empty = Scheduler(
    SchedulerConfiguration(
      ProfileConfiguration(name: "", scorers: [], picker: ConfiguredPlugin(RandomPicker.descriptor))),
    PluginEnvironment(seed: HashSeed(first: 0, second: 0)))

  /// The plugins that tell how much they remember, by their names.
  package var stateReporters: [String: any PluginStateReporting] { instances.stateReporters }

  // MARK: - The way of a request

  /// Starts the scheduling of a request: sets `scratch.context.candidates` to the endpoints that the gateway allows, that
  /// listen, and that the screens keep.
  package func selectCandidates(
    _ snapshot: PoolSnapshot, _ request: InferenceRequest, _ context: RequestContext, now: MonotonicTime,
    _ scratch: inout SchedulingScratch
  ) {
    scratch.context.begin(snapshot, request, context, now: now)
    scratch.context.lot = scratch.random.nextUnit()
    SubsetFilter().filter(scratch.context, &scratch.selection)
    scratch.applySelection()
    ListeningFilter().filter(scratch.context, &scratch.selection)
    scratch.applySelection()
    guard !screens.isEmpty else { return }
    var lap = timing.map { PluginTiming.Lap($0) }
    for screen in screens {
      screen.plugin.filter(scratch.context, &scratch.selection)
      scratch.applySelection()
      lap?.finish(screen.duration)
    }
  }

  /// Why `selectCandidates` leaves no endpoint of a pool that has some, for the client.
  package var reasonWithoutCandidates: String {
    let subset = "no endpoint of the pool is in the subset that the gateway asks for"
    guard !configuration.screens.isEmpty else { return subset }
    return "\(subset), or none of them is left by \(configuration.screens.map(\.name).joined(separator: ", "))"
  }

  /// Whether a request of this priority may be refused by `rejection`.
  package func mayRefuse(priority: Int) -> Bool { priority < 0 || !admission.isEmpty }

  /// Decides whether a request is refused because of the pool's saturation; to be called after `selectCandidates`.
  ///
  /// A request with a negative priority is refused from saturation 1 on, as in llm-d without flow control; then admission
  /// plugins decide.
  package func rejection(priority: Int, _ scratch: inout SchedulingScratch) -> Rejection? {
    // The value that the metric shows: an overload of one stage is not hidden by the endpoints of the other.
    if priority < 0, saturation(of: scratch.context.candidates, in: scratch.context.snapshot).effective >= 1 {
      return Rejection(
        .tooManyRequests, "the pool is saturated, and requests of priority \(priority) are the first to be refused",
        reason: .saturated)
    }
    guard !admission.isEmpty else { return nil }
    let endpoints = scratch.context.uses()
    var lap = timing.map { PluginTiming.Lap($0) }
    for entry in admission {
      let rejection = entry.plugin.rejection(priority: priority, endpoints: endpoints, using: &scratch.random)
      lap?.finish(entry.duration)
      if let rejection { return rejection }
    }
    return nil
  }

  /// The saturation of a pool, by the stages that its endpoints' roles name: each stage by itself, and the greatest of them,
  /// which is in effect. An endpoint of both stages counts in both, one that only encodes in none; a pool without roles has no
  /// stages.
  package func saturation(of snapshot: PoolSnapshot) -> (prefill: Double?, decode: Double?, effective: Double) {
    saturation(of: snapshot.members.indices, in: snapshot)
  }

  private func saturation(
    of indices: some Sequence<Int>, in snapshot: PoolSnapshot
  ) -> (prefill: Double?, decode: Double?, effective: Double) {
    var uses: [EndpointUse] = []
    var (prefill, decode): ([EndpointUse], [EndpointUse]) = ([], [])
    let all = snapshot.members
    let members = all.span
    let allLoads = snapshot.loads
    let loads = allLoads.span
    var hasRoles = false
    for index in indices {
      let load = MemberLoad.reading(of: index, in: loads)
      let use = EndpointUse(load: load, inFlight: load.inFlight)
      uses.append(use)
      let role = EndpointRole(of: members[index].endpoint)
      hasRoles = hasRoles || role.isLabelled
      if role.stages.contains(.prefill) { prefill.append(use) }
      if role.stages.contains(.decode) || !role.isLabelled { decode.append(use) }
    }
    guard hasRoles, !prefill.isEmpty, !decode.isEmpty else {
      return (nil, nil, detector.saturation(of: uses, stage: nil))
    }
    let stages = (detector.saturation(of: prefill, stage: .prefill), detector.saturation(of: decode, stage: .decode))
    return (stages.0, stages.1, max(stages.0, stages.1))
  }

  /// Lets the data producers find what they say of the request; to be called before `schedule`, after the prompt was matched.
  ///
  /// - Parameter prompt: the blocks of the prompt.
  package func produce(_ prompt: inout PrefixQuery, _ scratch: inout SchedulingScratch) {
    var lap = timing.map { PluginTiming.Lap($0) }
    for (number, producer) in producers.enumerated() {
      if scratch.context.match.produced.count == number { scratch.context.match.produced.append(ProducedMatch()) }
      // The context must not change while the producer reads it.
      var match = ProducedMatch()
      swap(&match, &scratch.context.match.produced[number])
      producer.produce(scratch.context, &prompt, into: &match)
      swap(&match, &scratch.context.match.produced[number])
      lap?.finish(durations.producing[number])
    }
  }

  /// Decides among the candidates. `scratch.context.match` has to be filled in.
  ///
  /// - Throws: the rejection of the profile handler.
  /// - Returns: the schedule; nil when the filters leave no endpoint to send the request to.
  package func schedule(_ scratch: inout SchedulingScratch) throws(Rejection) -> Schedule? {
    guard let handler else {
      let decision = run(profiles[0], .decode, &scratch)
      return decision.map { Schedule(decode: $0, others: [], effects: ProfileEffects()) }
    }
    scratch.context.saveCandidates()
    scratch.runs.removeAll(keepingCapacity: true)
    // A handler runs a profile at most once, and there are no more than this.
    for _ in 0...profiles.count {
      var lap = timing.map { PluginTiming.Lap($0) }
      let step = try handler.next(after: scratch.runs, scratch.context)
      if case .run = step { lap?.finish(durations.choosingProfiles) } else { lap?.finish(durations.endingProfiles) }
      switch step {
      case .finish(let effects): return schedule(of: scratch.runs, effects)
      case .run(let index, let stage):
        guard profiles.indices.contains(index) else { return nil }
        if !scratch.runs.isEmpty { scratch.context.restoreCandidates() }
        let decision = run(profiles[index], stage, &scratch)
        if stage == .decode { scratch.context.decodePick = decision?.picks[0] }
        scratch.runs.append(ProfileRun(profile: index, stage: stage, decision: decision))
      }
    }
    return nil
  }

  private func run(
    _ profile: SchedulingProfile, _ stage: ServingStage, _ scratch: inout SchedulingScratch
  ) -> Decision? {
    scratch.spans?.beginProfile(profile.name)
    let decision = profile.run(&scratch)
    scratch.spans?.end()
    if scratch.trace != nil {
      let explanation = decision.map { profile.explain($0, scratch) }
      scratch.trace?.end(profile: profile.name, stage, explanation)
    }
    if stage == .decode { scratch.keepScores() }
    return decision
  }

  private func schedule(of runs: [ProfileRun], _ effects: ProfileEffects) -> Schedule? {
    guard let decode = runs.last(where: { $0.stage == .decode })?.decision else { return nil }
    var others: [Schedule.StageDecision] = []
    for run in runs where run.stage != .decode {
      if let decision = run.decision { others.append(Schedule.StageDecision(stage: run.stage, decision: decision)) }
    }
    return Schedule(decode: decode, others: others, effects: effects)
  }

  /// Notifies the plugins of a pick, and returns what they add to the request.
  ///
  /// - Parameter prompt: the blocks of the prompt.
  package func picked(
    _ pick: borrowing PickedRequest, _ context: borrowing SchedulingContext, _ prompt: inout PrefixQuery
  ) -> PickEffects {
    var effects = PickEffects()
    var lap = timing.map { PluginTiming.Lap($0) }
    for (number, producer) in producers.enumerated() {
      producer.picked(pick, context, &prompt, &effects)
      lap?.finish(durations.noting[number])
    }
    // Plugins look for followers of their own kind, so they are wrapped once all are there.
    var measured: [(follower: Int, durations: MeasuredFollower.Durations)] = []
    for entry in observers {
      let before = effects.followers.count
      entry.observer.picked(pick, &effects)
      lap?.finish(entry.duration)
      guard effects.followers.count > before, let durations = entry.followers else { continue }
      for follower in before..<effects.followers.count { measured.append((follower, durations)) }
    }
    for (follower, durations) in measured {
      effects.followers[follower] = MeasuredFollower(effects.followers[follower], durations)
    }
    return effects
  }
}
