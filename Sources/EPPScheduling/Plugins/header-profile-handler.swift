import EPPCore

/// `header-profile-handler`: a request header names the profile.
struct HeaderProfileHandler: ProfileHandler {
  private static let header = TypedParameter<String?>.headerName(
    "headerName", "The header that names the profile: epp-profile where it is not given")
  private static let fallback = TypedParameter<String>.text(
    "defaultProfile", default: "decode", "The profile of requests without the header")

  static let descriptor = PluginDescriptor(
    "header-profile-handler", "Sends a request through the profile that a header names",
    parameters: [header.declaration, fallback.declaration],
    needs: { arguments, _ in PluginNeeds(headers: [name(arguments)]) },
    profileNames: { [ProfileNeed($0[fallback], isNeeded: false)] },
    parts: [.profileHandler { HeaderProfileHandler($0, $1) }])

  private let header: String
  private let fallback: String
  private let profiles: [String]

  private static func name(_ arguments: PluginArguments) -> String { arguments[header] ?? "epp-profile" }

  private init(_ arguments: PluginArguments, _ peers: PluginPeers) {
    header = Self.name(arguments)
    fallback = arguments[Self.fallback]
    profiles = peers.profiles
  }

  func next(after runs: borrowing [ProfileRun], _ context: borrowing SchedulingContext) throws(Rejection) -> ProfileStep
  {
    guard runs.isEmpty else { return .finish(ProfileEffects()) }
    let given = context.context.headers.first(header)
    let wanted = given.flatMap { $0.isEmpty ? nil : $0 } ?? fallback
    guard let index = profiles.firstIndex(of: wanted) else {
      throw Rejection(
        .badRequest, "the header \(header) names the scheduling profile '\(wanted.shortened)', which does not exist",
        field: header)
    }
    return .run(profile: index, for: .decode)
  }
}
