/// `program-aware-fairness`: a policy of flow control, which has no effect while the feature gate flowControl is off.
enum ProgramAwareFairness {
  static let descriptor = PluginDescriptor(
    "program-aware-fairness", "Serves the programs first that have been served least",
    parameters: [
      PluginParameter("strategy", .ignored(because: nil), "Has no effect without flow control"),
      PluginParameter("evictionTtlSeconds", .ignored(because: nil), "Has no effect without flow control"),
      PluginParameter("evictionSweepSeconds", .ignored(because: nil), "Has no effect without flow control"),
      PluginParameter("lasWeightService", .ignored(because: nil), "Has no effect without flow control"),
      PluginParameter("lasWeightHeadWait", .ignored(because: nil), "Has no effect without flow control"),
      PluginParameter("lasHalfLifeSeconds", .ignored(because: nil), "Has no effect without flow control"),
      PluginParameter("lasDecayFactor", .ignored(because: nil), "Has no effect without flow control"),
    ],
    parts: [.builtIn(.fairnessPolicy)])
}
