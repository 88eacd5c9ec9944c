import EPPScheduling

/// A configuration of the scheduler whose decisions are measured.
struct ScheduleSubject {
  /// What is measured.
  enum Kind: String, Codable, Sendable {
    /// The decision without the plugins that are measured.
    case base
    case scorer
    case filter
    case picker
    case profile
  }

  /// The plugin's type, or what the configuration is.
  let name: String
  let kind: Kind
  let configuration: SchedulerConfiguration
  /// The name of the same configuration without the plugin; nil where there is none.
  let base: String?
  /// Whether no endpoint holds any of the prompt.
  let isCold: Bool

  private init(
    _ name: String, _ kind: Kind, _ configuration: SchedulerConfiguration, base: String? = nil, isCold: Bool = false
  ) {
    self.name = name
    self.kind = kind
    self.configuration = configuration
    self.base = base
    self.isCold = isCold
  }

  /// Everything: what the others are compared with, each plugin of the list by itself, and whole profiles.
  static let all = bases + scorers + filters + pickers + profiles

  // MARK: - Bases

  private static let candidates = "candidates only"
  private static let stages = "two stages only"
  private static let scores = "scores for pickers only"

  private static let bases = [
    ScheduleSubject(candidates, .base, SchedulerConfiguration(profile())),
    ScheduleSubject(stages, .base, staged(profile())),
    ScheduleSubject(scores, .base, SchedulerConfiguration(profile(scorers: [SpreadScorer.plugin]))),
  ]

  // MARK: - Plugins

  private static let scorers = plugins(.scorer).flatMap { plugin in
    let profile = profile(scorers: [plugin])
    let subject = alone(plugin, .scorer, profile)
    // Only there is it asked for an opinion.
    guard plugin.descriptor == NoHitLRUScorer.descriptor else { return [subject] }
    return [
      subject,
      ScheduleSubject(
        plugin.name + ", cold prompt", .scorer, SchedulerConfiguration(profile), base: candidates, isCold: true),
    ]
  }

  private static let filters = plugins(.filter).map { alone($0, .filter, profile(filters: [$0])) }

  private static let pickers = plugins(.picker).map { plugin in
    ScheduleSubject(
      plugin.name, .picker, SchedulerConfiguration(profile(scorers: [SpreadScorer.plugin], picker: plugin)),
      base: scores)
  }

  private static func alone(_ plugin: ConfiguredPlugin, _ kind: Kind, _ profile: ProfileConfiguration) -> Self {
    switch plugin.descriptor {
    case TopologyAffinityScorer.descriptor, TopologyAffinityFilter.descriptor:
      ScheduleSubject(plugin.name, kind, staged(profile), base: stages)
    default: ScheduleSubject(plugin.name, kind, SchedulerConfiguration(profile), base: candidates)
    }
  }

  private static func plugins(_ role: PluginRole) -> [ConfiguredPlugin] {
    PluginList.standard.descriptors.filter { $0.roles.contains(role) }.map { SchedulePool.plugin($0) }
  }

  // MARK: - Profiles

  /// The name of the profile with all scorers.
  static let allScorers = "all scorers"

  private static let profiles: [ScheduleSubject] = {
    let best = ConfiguredPlugin(MaximumScorePicker.descriptor)
    let all = profile(scorers: plugins(.scorer), picker: best)
    return [
      ScheduleSubject("default profile", .profile, .weighted),
      ScheduleSubject(allScorers, .profile, SchedulerConfiguration(all)),
      ScheduleSubject(allScorers + ", cold prompt", .profile, SchedulerConfiguration(all), isCold: true),
      ScheduleSubject(allScorers + " in the second of two stages", .profile, staged(all)),
    ]
  }()

  private static func profile(
    filters: [ConfiguredPlugin] = [], scorers: [ConfiguredPlugin] = [], picker: ConfiguredPlugin = FirstPicker.plugin
  ) -> ProfileConfiguration {
    ProfileConfiguration(
      filters: filters, scorers: scorers.map { ProfileConfiguration.WeightedScorer($0, weight: 1) }, picker: picker)
  }

  private static func staged(_ second: ProfileConfiguration) -> SchedulerConfiguration {
    var second = second
    second.name = "second"
    return SchedulerConfiguration(profiles: [profile(), second], handler: StagesHandler.plugin)
  }
}
