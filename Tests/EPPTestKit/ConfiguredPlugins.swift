package import EPPPrefixCache
package import EPPScheduling

/// Plugins as tests name them.
extension ConfiguredPlugin {
  package static let queue = ConfiguredPlugin(QueueScorer.descriptor)
  package static let runningRequests = ConfiguredPlugin(RunningRequestsScorer.descriptor)
  package static let kvCacheUtilization = ConfiguredPlugin(KVCacheUtilizationScorer.descriptor)
  package static let prefixCache = ConfiguredPlugin(PrefixCacheScorer.descriptor)
  package static let loRAAffinity = ConfiguredPlugin(LoRAAffinityScorer.descriptor)
  package static let sessionAffinity = ConfiguredPlugin(
    SessionAffinityScorer.descriptor, SessionParameters.strategy, "session_id")

  package static func prefixCache(matchLengthWeight: Double, scale: Int? = nil) -> ConfiguredPlugin {
    var arguments = PluginArguments()
    arguments[PrefixCacheScorer.matchLengthWeight] = matchLengthWeight
    if let scale { arguments[PrefixCacheScorer.matchLengthScale] = scale }
    return ConfiguredPlugin(PrefixCacheScorer.descriptor, arguments: arguments)
  }

  package static func sessionAffinity(header: String) -> ConfiguredPlugin {
    ConfiguredPlugin(SessionAffinityScorer.descriptor, SessionParameters.header, header)
  }

  package static func sessionAffinity(trustedHops: Int) -> ConfiguredPlugin {
    sessions(SessionAffinityScorer.descriptor, "client_address") { $0[SessionParameters.trustedHops] = trustedHops }
  }

  /// A session plugin of a strategy; nil for the default.
  package static func sessions(
    _ descriptor: PluginDescriptor, _ strategy: String?, _ change: (inout PluginArguments) -> Void = { _ in }
  ) -> ConfiguredPlugin {
    var arguments = PluginArguments()
    arguments[SessionParameters.strategy] = strategy
    change(&arguments)
    return ConfiguredPlugin(descriptor, arguments: arguments)
  }

  package static func maximumScore(maximumEndpoints: Int) -> ConfiguredPlugin {
    picker(MaximumScorePicker.descriptor, maximumEndpoints)
  }

  package static func random(maximumEndpoints: Int) -> ConfiguredPlugin {
    picker(RandomPicker.descriptor, maximumEndpoints)
  }

  private static func picker(_ descriptor: PluginDescriptor, _ count: Int) -> ConfiguredPlugin {
    count == 1
      ? ConfiguredPlugin(descriptor) : ConfiguredPlugin(descriptor, PickerParameters.maximumEndpoints, count)
  }

  /// The same plugin under a name of its own.
  package func named(_ name: String) -> ConfiguredPlugin {
    ConfiguredPlugin(descriptor, name: name, arguments: arguments)
  }
}

extension Scheduler {
  /// A scheduler of one profile.
  package convenience init(
    _ profile: ProfileConfiguration, _ environment: PluginEnvironment, replacing predecessor: Scheduler? = nil,
    timing: PluginTiming? = nil
  ) {
    self.init(SchedulerConfiguration(profile), environment, replacing: predecessor, timing: timing)
  }

  /// A scheduler of one profile that counts nothing.
  package convenience init(
    _ profile: ProfileConfiguration, seed: HashSeed, replacing predecessor: Scheduler? = nil
  ) {
    self.init(profile, PluginEnvironment(seed: seed), replacing: predecessor)
  }
}
