import ArgumentParser
package import EPPScheduling

/// The flags of `epp serve`, as they are given. A flag, its default, its help and its check stand in one of the groups.
///
/// An empty text counts as not given.
package struct ServeFlags: ParsableArguments {
  @OptionGroup(title: "Listening") var listening: ListeningFlags
  @OptionGroup(title: "TLS") var tls: TLSFlags
  @OptionGroup(title: "Endpoints") var endpoints: EndpointFlags
  @OptionGroup(title: "Scheduling") var scheduling: SchedulingFlags
  @OptionGroup(title: "Prefix caches") var cache: CacheFlags
  @OptionGroup(title: "Limits") var limits: LimitFlags
  @OptionGroup(title: "Observability") var observability: ObservabilityFlags
  @OptionGroup(title: "Compatibility") var compatibility: CompatibilityFlags

  package init() {}

  /// The configuration that the flags make, or all that is wrong with them and with the configuration file.
  ///
  /// - Parameters:
  ///   - cores: most workers when no number is given.
  ///   - plugins: the plugin types that there are.
  ///   - readFile: reads the configuration file; what it throws says in its description why it cannot.
  package func validated(
    cores: Int, plugins: PluginList = .standard, readFile: (String) throws -> String
  ) throws(ConfigurationProblems) -> ServeConfiguration {
    var check = FlagCheck()
    let file = scheduling.file(&check, plugins: plugins, readFile: readFile)
    let listening = listening.checked(&check, cores: cores)
    let tls = tls.checked(&check)
    let endpoints = endpoints.checked(
      &check, file: file, isFileBroken: file == nil && scheduling.namesFile)
    let scheduling = scheduling.checked(&check, file: file, plugins: plugins)
    let cache = cache.checked(&check, file: file, hasEndpointsFile: endpoints.file != nil)
    let limits = limits.checked(&check)
    let observability = observability.checked(&check)
    compatibility.checked(&check)
    guard check.problems.isEmpty else { throw ConfigurationProblems(check.problems) }
    return ServeConfiguration(
      listening: listening, tls: tls, endpoints: endpoints, scheduling: scheduling, cache: cache, limits: limits,
      observability: observability, warnings: check.warnings + (file?.notes ?? []))
  }
}
