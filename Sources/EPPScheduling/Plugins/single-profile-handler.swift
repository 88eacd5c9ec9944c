/// `single-profile-handler`: every request goes through the one profile.
enum SingleProfileHandler {
  static let descriptor = PluginDescriptor(
    "single-profile-handler", "Sends every request through the one profile", isInjected: true,
    parts: [.builtIn(.profileHandler)])
}
