import ArgumentParser
package import EPPScheduling

/// The flags of `epp serve` as they are given, in groups. An empty text counts as not given.
package struct ServeFlags: ParsableArguments {
  @OptionGroup(title: "Listening") var listening: ListeningFlags
  @OptionGroup(title: "TLS") var tls: TLSFlags
  @OptionGroup(title: "Endpoints") var endpoints: EndpointFlags
  @OptionGroup(title: "Kubernetes") var kubernetes: KubernetesFlags
  @OptionGroup(title: "Scheduling") var scheduling: SchedulingFlags
  @OptionGroup(title: "Prefix caches") var cache: CacheFlags
  @OptionGroup(title: "Limits") var limits: LimitFlags
  @OptionGroup(title: "Observability") var observability: ObservabilityFlags
  @OptionGroup(title: "Administration") var admin: AdminFlags
  @OptionGroup(title: "Metrics pages") var modelServer: ModelServerFlags
  @OptionGroup(title: "Compatibility") var compatibility: CompatibilityFlags

  package init() {}

  /// Checks all flags and the configuration file, and returns the configuration that they make.
  ///
  /// - Parameters:
  ///   - cores: Number of workers when the flag is not given.
  ///   - environment: The environment variables of the process.
  ///   - plugins: The plugin types that flags and file may name.
  ///   - readFile: Reads the text file at a path; the description of an error that it throws says why it cannot.
  /// - Throws: `ConfigurationProblems` with all problems of the flags and of the file.
  package func validated(
    cores: Int, environment: [String: String], plugins: PluginList = .standard,
    readFile: (String) throws -> String
  ) throws(ConfigurationProblems) -> ServeConfiguration {
    var check = FlagCheck()
    let text = scheduling.text(&check, readFile: readFile)
    let file = scheduling.file(&check, text, plugins: plugins)
    let listening = listening.checked(&check, cores: cores)
    let tls = tls.checked(&check)
    let endpoints = endpoints.checked(
      &check, kubernetes: kubernetes, modelServer: modelServer, file: file,
      isFileBroken: file == nil && scheduling.namesFile,
      environment: environment)
    let scheduling = scheduling.checked(&check, file: file, plugins: plugins)
    let cache = cache.checked(&check, file: file, hasEndpointsFile: endpoints.file != nil)
    let limits = limits.checked(&check)
    let observability = observability.checked(&check, isInKubernetes: endpoints.kubernetes != nil)
    let admin = admin.checked(&check, ports: listening.ports)
    compatibility.checked(&check)
    guard check.problems.isEmpty else { throw ConfigurationProblems(check.problems) }
    return ServeConfiguration(
      listening: listening, tls: tls, endpoints: endpoints, scheduling: scheduling, cache: cache, limits: limits,
      observability: observability, admin: admin, text: text,
      warnings: check.warnings + (file?.notes ?? []))
  }
}
