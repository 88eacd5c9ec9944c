import EPPCore

/// `data-parallel-profile-handler`: the request goes to one port of the picked endpoint's host, whose sidecar hands it on to the
/// picked rank, which the header `x-data-parallel-host-port` names.
struct DataParallelProfileHandler: ProfileHandler {
  private static let primaryPort = TypedParameter<Int>.integer(
    "primaryPort", 1...65_535, default: 8000, "The port of the sidecar")

  static let descriptor = PluginDescriptor(
    "data-parallel-profile-handler", "Sends requests to the sidecar of the picked rank's pod",
    parameters: [primaryPort.declaration],
    parts: [.profileHandler { arguments, _ in DataParallelProfileHandler(arguments) }])

  private let primaryPort: Int

  private init(_ arguments: PluginArguments) { primaryPort = arguments[Self.primaryPort] }

  func next(after runs: borrowing [ProfileRun], _ context: borrowing SchedulingContext) throws(Rejection) -> ProfileStep
  {
    guard let run = runs.first else { return .run(profile: 0, for: .decode) }
    var effects = ProfileEffects()
    if let pick = run.decision?.picks.first {
      let destination = context.snapshot.members[pick].destination
      effects.requestHeaders = [.init(name: HeaderName.dataParallelHostPort, value: destination)]
      effects.destinationPort = primaryPort
    }
    return .finish(effects)
  }
}
