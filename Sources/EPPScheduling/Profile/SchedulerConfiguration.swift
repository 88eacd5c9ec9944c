/// The configuration of scheduling: one or more profiles, the handler that chooses among them, and plugins of the whole request.
package struct SchedulerConfiguration: Sendable, Equatable {
  /// The profiles; at least one.
  package var profiles: [ProfileConfiguration]
  /// The plugin that chooses the profiles of a request; nil, for one profile, sends all requests through it.
  package var handler: ConfiguredPlugin?
  /// The plugin that measures the saturation of the pool.
  package var detector: ConfiguredPlugin
  /// Plugins that narrow the candidates of a request before all profiles, in the order of their calls.
  package var screens: [ConfiguredPlugin]
  /// Plugins that refuse requests, in the order of their calls.
  package var admission: [ConfiguredPlugin]
  /// Observers of requests besides those of filters and scorers.
  package var observers: [ConfiguredPlugin]
  /// Plugins that others refer to by name.
  package var referenced: [ConfiguredPlugin]

  package init(
    profiles: [ProfileConfiguration], handler: ConfiguredPlugin? = nil,
    detector: ConfiguredPlugin = ConfiguredPlugin(UtilizationDetector.descriptor),
    screens: [ConfiguredPlugin] = [], admission: [ConfiguredPlugin] = [],
    observers: [ConfiguredPlugin] = [], referenced: [ConfiguredPlugin] = []
  ) {
    self.profiles = profiles
    self.handler = handler
    self.detector = detector
    self.screens = screens
    self.admission = admission
    self.observers = observers
    self.referenced = referenced
  }

  /// One profile for all requests.
  package init(_ profile: ProfileConfiguration) { self.init(profiles: [profile]) }

  /// The default: `ProfileConfiguration.weighted` for all requests.
  package static let weighted = SchedulerConfiguration(.weighted)

  /// The profile whose pick requests are sent to, as far as the configuration says: the first one.
  package var profile: ProfileConfiguration {
    get { profiles[0] }
    set { profiles[0] = newValue }
  }

  /// All plugins, each name once, in the order of their first mention.
  package var plugins: [ConfiguredPlugin] {
    var names: Set<String> = []
    let all =
      profiles.flatMap(\.plugins) + [detector] + screens + admission + observers + referenced
      + (handler.map { [$0] } ?? [])
    return all.filter { names.insert($0.name).inserted }
  }
}
