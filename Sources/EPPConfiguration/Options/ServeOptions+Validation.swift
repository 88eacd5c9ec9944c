import EPPCore
package import EPPScheduling

extension ServeOptions {
  /// The configuration that the flags make, or all that is wrong with them and with the configuration file.
  ///
  /// - Parameters:
  ///   - cores: most workers when no number is given.
  ///   - plugins: the plugin types that there are.
  ///   - readFile: reads the configuration file; what it throws says in its description why it cannot.
  package func validated(
    cores: Int, plugins: PluginList = .standard, readFile: (String) throws -> String
  ) throws(ConfigurationProblems) -> ServeConfiguration {
    var check = OptionsCheck()
    for problem in malformed { check.problem(problem) }
    let file = configurationFile(plugins, &check, readFile)
    let (endpoints, endpointsFile) = endpointSources(file, &check)
    checkListening(&check)
    checkTLS(&check)
    checkUnsupported(&check)
    let requestBody = check.bytes(maximumRequestBody, "--max-request-body-bytes") ?? 0
    let buffered = check.bytes(maximumBuffered, "--max-buffered-bytes") ?? 0
    if requestBody > 0, buffered > 0, buffered < requestBody {
      check.problem(
        "--max-buffered-bytes (\(maximumBuffered)) is less than --max-request-body-bytes (\(maximumRequestBody)): "
          + "a body of the allowed size could never be held")
    }
    let scrapeInterval = scrapeInterval(&check)
    // Read for its mistakes alone.
    _ = check.duration(poolMetricsInterval, "--refresh-prometheus-metrics-interval")
    let configuration = ServeConfiguration(
      bindAddress: bindAddress, grpcPort: grpcPort, healthPort: healthPort, metricsPort: metricsPort,
      workers: workers ?? cores, gathersWrites: gathersWrites, isSecure: secureServing,
      certificateFolder: certPath.given,
      maximumReceiveMessageBytes: receiveLimit(&check), maximumConcurrentStreams: maximumConcurrentStreams,
      drainTimeout: check.duration(drainTimeout, "--drain-timeout", mayBeZero: true), endpoints: endpoints,
      endpointsFile: endpointsFile, refreshInterval: scrapeInterval,
      stalenessThreshold: threshold(&check, scrapeInterval), poolName: poolName.given ?? "default",
      profile: schedulingProfile(file, plugins, &check), sessionHeader: file?.sessionHeader,
      prefixViews: file?.prefixViews ?? [:],
      prefixProducer: file?.prefixProducer ?? ConfiguredPlugin(PrefixSettings.descriptor),
      prefix: file?.prefix ?? PrefixSettings(), cache: cacheSettings(file, &check),
      ignoresSubset: disableSubsetFilter, emitsScores: emitScores, maximumRequestBodyBytes: requestBody,
      maximumBufferedBytes: buffered, requestDeadline: check.duration(requestDeadline, "--request-deadline"),
      responseProcessing: check.choice(
        ResponseProcessing.init, ResponseProcessing.allCases.map(\.rawValue), responseProcessing,
        "--response-processing") ?? .full,
      legacyMetrics: legacyMetrics, streamMetrics: streamMetrics, verbosity: logVerbosity(&check),
      logStyle: logStyle(&check), warnings: check.warnings + (file?.notes ?? []))
    guard check.problems.isEmpty else { throw ConfigurationProblems(check.problems) }
    return configuration
  }

  private func configurationFile(
    _ plugins: PluginList, _ check: inout OptionsCheck, _ readFile: (String) throws -> String
  ) -> PickerConfigurationFile? {
    if configFile.given != nil, configText.given != nil {
      check.problem("--config-file and --config-text exclude each other: give one of them")
      return nil
    }
    do throws(ConfigurationProblems) {
      if let text = configText.given {
        return try PickerConfigurationReader.read(text, file: "--config-text", plugins: plugins)
      }
      guard let path = configFile.given else { return nil }
      let text: String
      do { text = try readFile(path) } catch {
        throw ConfigurationProblems([ConfigurationProblem("\(error)")], file: path)
      }
      return try PickerConfigurationReader.read(text, file: path, plugins: plugins)
    } catch {
      check.add(error)
      return nil
    }
  }

  private func scrapeInterval(_ check: inout OptionsCheck) -> Duration {
    // Below this the engines would do little else; the anchor has the same floor.
    let floor = Duration.milliseconds(50)
    let interval = check.duration(refreshInterval, "--refresh-metrics-interval")
    if interval < floor { check.warnings.append("--refresh-metrics-interval \(refreshInterval) is raised to 50ms") }
    return max(floor, interval)
  }

  /// At least three scrapes long: else every endpoint would be stale between two of them.
  private func threshold(_ check: inout OptionsCheck, _ interval: Duration) -> Duration {
    let threshold = check.duration(stalenessThreshold, "--metrics-staleness-threshold")
    guard threshold < interval * 3 else { return threshold }
    check.warnings.append(
      "--metrics-staleness-threshold \(stalenessThreshold) is raised to three times --refresh-metrics-interval")
    return interval * 3
  }

  private func receiveLimit(_ check: inout OptionsCheck) -> Int {
    if check.bytes(maximumSendMessage, "--grpc-max-send-msg-size", mayBeZero: true) != nil {
      check.warnings.append("--grpc-max-send-msg-size has no effect: messages hold at most 62,000 bytes of a body")
    }
    guard let limit = check.bytes(maximumReceiveMessage, "--grpc-max-recv-msg-size", mayBeZero: true) else {
      return 64 << 20
    }
    // gRPC keeps the limit in a C int.
    if limit > Int(Int32.max) { check.problem("--grpc-max-recv-msg-size has to be less than 2Gi") }
    return limit
  }
}
