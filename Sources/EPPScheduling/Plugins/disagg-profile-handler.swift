import EPPCore

/// `disagg-profile-handler`: the stages of a request (encode, prefill, decode) go to endpoints of their own, where deciders ask
/// for it. The request is sent to the endpoint of the profile for decode; headers tell its sidecar the others.
///
/// A request whose profile for prefill or encode finds no endpoint is served without that stage.
struct DisaggregationHandler: ProfileHandler {
  /// The order in which the stages are scheduled.
  enum Order: String, CaseIterable {
    /// Decode, encode, prefill.
    case decodeFirst = "decode-first"
    /// Prefill, encode, decode.
    case prefillFirst = "prefill-first"
  }

  // MARK: Parameters

  private static let order = TypedParameter<Order>.word(
    "stageOrder", default: .decodeFirst, "The order of the stages: decode, encode, prefill, or prefill, encode, decode")
  private static let decode = TypedParameter<String>.text(
    "decode", default: "decode", "The profile of the endpoint that generates")
  private static let prefill = TypedParameter<String>.text(
    "prefill", default: "prefill", "The profile of the endpoint that computes the prompt")
  private static let encode = TypedParameter<String>.text(
    "encode", default: "encode", "The profile of the endpoint that encodes media")
  private static let profiles = TypedParameter<PluginArguments?>.object(
    "profiles", [decode.declaration, prefill.declaration, encode.declaration], "The profiles of the stages")
  private static let prefillDecider = TypedParameter<String?>.reference(
    "prefill", to: .decider, "Decides about the stage prefill")
  private static let encodeDecider = TypedParameter<String?>.reference(
    "encode", to: .decider, "Decides about the stage encode")
  private static let deciders = TypedParameter<PluginArguments?>.object(
    "deciders", [prefillDecider.declaration, encodeDecider.declaration],
    "The deciders of the stages; a stage without one is never served by an endpoint of its own")
  // The flat form of older releases.
  private static let oldDecode = TypedParameter<String?>.text("decodeProfile", "Older form of profiles.decode")
  private static let oldPrefill = TypedParameter<String?>.text("prefillProfile", "Older form of profiles.prefill")
  private static let oldEncode = TypedParameter<String?>.text("encodeProfile", "Older form of profiles.encode")
  private static let oldDecider = TypedParameter<String?>.reference(
    "deciderPluginName", to: .decider, "Older form of deciders.prefill")
  private static let oldPrefillDecider = TypedParameter<String?>.reference(
    "pdDeciderPluginName", to: .decider, "Older form of deciders.prefill")
  private static let oldEncodeDecider = TypedParameter<String?>.reference(
    "encodeDeciderPluginName", to: .decider, "Older form of deciders.encode")

  private static let oldKeys = [
    oldDecode.key, oldPrefill.key, oldEncode.key, oldDecider.key, oldPrefillDecider.key, oldEncodeDecider.key,
  ]

  private static let primaryPort = TypedParameter<Int?>.integer(
    "primaryPort", 0...65_535,
    "The port of the sidecar that hands requests on to data-parallel ranks; requests go to the picked port where it is not given"
  )

  static let descriptor = PluginDescriptor(
    "disagg-profile-handler", olderNames: ["pd-profile-handler"],
    "Serves prefill and encoding by endpoints of their own, where deciders ask for it",
    parameters: [
      order.declaration, profiles.declaration, deciders.declaration, oldDecode.declaration, oldPrefill.declaration,
      oldEncode.declaration, oldDecider.declaration, oldPrefillDecider.declaration, oldEncodeDecider.declaration,
      primaryPort.declaration,
      PluginParameter("prefixPluginType", .ignored(because: nil), "Has no effect: all prefix producers count"),
      PluginParameter("prefixPluginName", .ignored(because: nil), "Has no effect: all prefix producers count"),
      PluginParameter("hashBlockSize", .ignored(because: nil), "Has no effect: block sizes are the engines'"),
      PluginParameter(
        "threshold", .ignored(because: "deciders say when a stage is wanted"), "Has no effect: see deciders"),
    ],
    profileNames: { arguments in
      let names = Names(arguments)
      var needs = [ProfileNeed(names.decode, isNeeded: true)]
      if names.prefillDecider != nil { needs.append(ProfileNeed(names.prefill, isNeeded: false)) }
      if names.encodeDecider != nil { needs.append(ProfileNeed(names.encode, isNeeded: false)) }
      return needs
    },
    check: { check in
      let old = oldKeys.filter(check.arguments.isGiven)
      if !old.isEmpty {
        check.note(
          "\(old.joined(separator: ", ")) of \(check.type) \(old.count == 1 ? "is" : "are") removed in newer releases of llm-d: "
            + "use 'profiles' and 'deciders' ('epp migrate' writes them)")
      }
    },
    migration: { plugin in
      guard oldKeys.contains(where: plugin.arguments.isGiven) else { return nil }
      return PluginMigration(
        [
          ConfiguredPlugin(
            plugin.descriptor, name: plugin.name, arguments: Names(plugin.arguments).added(to: plugin.arguments))
        ],
        "names its profiles and deciders in 'profiles' and 'deciders'")
    },
    parts: [.profileHandler { DisaggregationHandler($0, $1) }])

  // MARK: Stages

  private struct Stage {
    let stage: ServingStage
    /// The position of the profile; nil where there is none.
    let profile: Int?
    /// Decides whether the stage has an endpoint of its own; nil for never.
    let decider: (any StageDecider)?
  }

  private let stages: [Stage]
  /// The port of the sidecar in front of data-parallel ranks; nil where requests go to the picked port.
  private let primaryPort: Int?

  /// What the arguments name, in the newer or the older form.
  private struct Names {
    let decode: String
    let prefill: String
    let encode: String
    let prefillDecider: String?
    let encodeDecider: String?

    init(_ arguments: PluginArguments) {
      let profiles = arguments[DisaggregationHandler.profiles] ?? PluginArguments()
      let deciders = arguments[DisaggregationHandler.deciders] ?? PluginArguments()
      let name = { (new: TypedParameter<String>, old: TypedParameter<String?>) in
        profiles.isGiven(new.key) ? profiles[new] : arguments[old] ?? profiles[new]
      }
      decode = name(DisaggregationHandler.decode, oldDecode)
      prefill = name(DisaggregationHandler.prefill, oldPrefill)
      encode = name(DisaggregationHandler.encode, oldEncode)
      prefillDecider =
        deciders[DisaggregationHandler.prefillDecider] ?? arguments[oldDecider] ?? arguments[oldPrefillDecider]
      encodeDecider = deciders[DisaggregationHandler.encodeDecider] ?? arguments[oldEncodeDecider]
    }

    /// The arguments with these names in the newer form alone.
    func added(to arguments: PluginArguments) -> PluginArguments {
      var result = arguments.without(oldKeys)
      var (profiles, deciders) = (PluginArguments(), PluginArguments())
      if decode != DisaggregationHandler.decode.defaultValue { profiles[DisaggregationHandler.decode] = decode }
      if prefill != DisaggregationHandler.prefill.defaultValue { profiles[DisaggregationHandler.prefill] = prefill }
      if encode != DisaggregationHandler.encode.defaultValue { profiles[DisaggregationHandler.encode] = encode }
      deciders[DisaggregationHandler.prefillDecider] = prefillDecider
      deciders[DisaggregationHandler.encodeDecider] = encodeDecider
      if !profiles.isEmpty { result[DisaggregationHandler.profiles] = profiles }
      if !deciders.isEmpty { result[DisaggregationHandler.deciders] = deciders }
      return result
    }
  }

  private init(_ arguments: PluginArguments, _ peers: PluginPeers) {
    let names = Names(arguments)
    let index = { (name: String) in peers.profiles.firstIndex(of: name) }
    let decode = Stage(stage: .decode, profile: index(names.decode), decider: nil)
    let prefill = Stage(
      stage: .prefill, profile: index(names.prefill), decider: names.prefillDecider.flatMap { peers.deciders[$0] })
    let encode = Stage(
      stage: .encode, profile: index(names.encode), decider: names.encodeDecider.flatMap { peers.deciders[$0] })
    primaryPort = arguments[Self.primaryPort].flatMap { $0 > 0 ? $0 : nil }
    stages =
      switch arguments[Self.order] {
      case .decodeFirst: [decode, encode, prefill]
      case .prefillFirst: [prefill, encode, decode]
      }
  }

  func next(after runs: borrowing [ProfileRun], _ context: borrowing SchedulingContext) throws(Rejection) -> ProfileStep
  {
    var first = 0
    if let last = runs.last {
      // Without an endpoint that decodes there is nobody to send the request to.
      if last.stage == .decode, last.decision == nil { return .finish(ProfileEffects()) }
      first = (stages.firstIndex { $0.stage == last.stage } ?? stages.count) + 1
    }
    let decode = context.decodePick.map { context.snapshot.members[$0].endpoint.slot }
    for stage in stages.dropFirst(first) {
      guard let profile = stage.profile else { continue }
      if stage.stage == .decode || stage.decider?.isWanted(context, decode: decode) == true {
        return .run(profile: profile, for: stage.stage)
      }
    }
    return .finish(effects(of: runs, context.snapshot))
  }

  private func effects(of runs: borrowing [ProfileRun], _ snapshot: PoolSnapshot) -> ProfileEffects {
    var effects = ProfileEffects()
    var (encodes, prefills) = (false, false)
    for index in runs.indices {
      guard let picks = runs[index].decision?.picks else { continue }
      let destinations = picks.map { snapshot.members[$0].destination }
      switch runs[index].stage {
      case .prefill:
        prefills = true
        effects.requestHeaders.append(.init(name: HeaderName.prefillerHostPort, value: destinations[0]))
      case .encode:
        encodes = true
        effects.requestHeaders.append(
          .init(name: HeaderName.encoderHostsPorts, value: destinations.joined(separator: ",")))
      case .decode:
        guard let primaryPort else { continue }
        effects.requestHeaders.append(.init(name: HeaderName.dataParallelHostPort, value: destinations[0]))
        effects.destinationPort = primaryPort
      }
    }
    effects.decisionType =
      switch (encodes, prefills) {
      case (false, false): "decode-only"
      case (false, true): "prefill-decode"
      case (true, false): "encode-decode"
      case (true, true): "encode-prefill-decode"
      }
    return effects
  }
}
