import EPPCore
import EPPExtProc
import EPPScheduling

extension ServeOptions {
  /// The configuration that the flags make, or all that is wrong with them.
  ///
  /// - Parameters:
  ///   - cores: how many workers there are when no number is given.
  ///   - readFile: reads the configuration file.
  package func validated(
    cores: Int, readFile: (String) throws -> String
  ) throws(ConfigurationProblems) -> ServeConfiguration {
    var check = OptionsCheck()
    let file = try configurationFile(&check, readFile)
    let endpoints = checkEndpoints(&check)
    checkListening(&check)
    checkUnsupported(&check)
    let configuration = ServeConfiguration(
      bindAddress: bindAddress, grpcPort: grpcPort, healthPort: healthPort, metricsPort: metricsPort,
      workers: workers ?? cores, isSecure: secureServing, certificateFolder: certPath,
      maximumReceiveMessageBytes: check.bytes(maximumReceiveMessage, "--grpc-max-recv-msg-size") ?? 64 << 20,
      maximumConcurrentStreams: maximumConcurrentStreams, drainTimeout: check.duration(drainTimeout, "--drain-timeout"),
      endpoints: endpoints, endpointsFile: endpointsFile,
      // Below this the engines would do little else; the anchor has the same floor.
      refreshInterval: max(.milliseconds(50), check.duration(refreshInterval, "--refresh-metrics-interval")),
      poolMetricsInterval: check.duration(poolMetricsInterval, "--refresh-prometheus-metrics-interval"),
      stalenessThreshold: check.duration(stalenessThreshold, "--metrics-staleness-threshold"), poolName: "default",
      profile: profile(file, &check), prefix: file?.prefix ?? PrefixSettings(), ignoresSubset: disableSubsetFilter,
      emitsScores: emitScores,
      maximumRequestBodyBytes: check.bytes(maximumRequestBody, "--max-request-body-bytes") ?? 0,
      maximumBufferedBytes: check.bytes(maximumBuffered, "--max-buffered-bytes") ?? 0,
      requestDeadline: check.duration(requestDeadline, "--request-deadline"),
      responseProcessing: check.choice(
        ResponseProcessing.init, ResponseProcessing.allCases.map(\.rawValue), responseProcessing,
        "--response-processing") ?? .full,
      legacyMetrics: legacyMetrics, streamMetrics: streamMetrics, verbosity: logVerbosity(&check),
      logStyle: logStyle(&check), warnings: check.warnings + (file?.notes ?? []))
    guard check.problems.isEmpty else { throw ConfigurationProblems(check.problems) }
    return configuration
  }

  // MARK: - Parts

  private func configurationFile(
    _ check: inout OptionsCheck, _ readFile: (String) throws -> String
  ) throws(ConfigurationProblems) -> PickerConfigurationFile? {
    if configFile != nil, configText != nil {
      check.problem("--config-file and --config-text exclude each other: give one of them")
      return nil
    }
    if let configText { return try PickerConfigurationReader.read(configText, file: "--config-text") }
    guard let configFile else { return nil }
    let text: String
    do {
      text = try readFile(configFile)
    } catch {
      check.problem("--config-file: cannot read \(configFile)")
      return nil
    }
    return try PickerConfigurationReader.read(text, file: configFile)
  }

  private func profile(_ file: PickerConfigurationFile?, _ check: inout OptionsCheck) -> ProfileConfiguration {
    if let profile, profile != "weighted" {
      check.problem("--profile: there is no profile '\(profile)' (known: weighted)")
    }
    var result = profile != nil ? .weighted : file?.profile ?? .weighted
    if !scorers.isEmpty {
      if let file, !file.profile.scorers.isEmpty {
        check.problem("--scorer and the scorers of the configuration file exclude each other: give weights in one place")
      }
      var named: [ProfileConfiguration.WeightedScorer] = []
      for text in scorers {
        do {
          let scorer = try WeightText.parse(text)
          if named.contains(where: { $0.name == scorer.name }) {
            check.problem("--scorer: '\(scorer.name)' is named twice")
          }
          named.append(scorer)
        } catch {
          check.problem(error.message)
        }
      }
      result.scorers = named
    }
    if let picker {
      let known = PickerConfiguration.TypeName.allCases.map(\.rawValue)
      switch check.choice(PickerConfiguration.TypeName.init, known, picker, "--picker") {
      case .maximumScore: result.picker = .maximumScore(maximumEndpoints: result.picker.maximumEndpoints)
      case .random: result.picker = .random(maximumEndpoints: result.picker.maximumEndpoints)
      case nil: break
      }
    }
    return result
  }

  private func checkEndpoints(_ check: inout OptionsCheck) -> [EndpointAddress] {
    if poolName != nil || endpointSelector != nil {
      check.problem(
        "--pool-name and --endpoint-selector need Kubernetes discovery, which this version does not have yet: name the "
          + "engines with --endpoint or --endpoints-file")
    } else if endpoints.isEmpty, endpointsFile == nil {
      check.problem("no endpoints: name the engines with --endpoint HOST:PORT (repeatable) or --endpoints-file FILE")
    }
    var result: [EndpointAddress] = []
    for text in endpoints {
      guard let address = EndpointAddress(text) else {
        check.problem("--endpoint: '\(text)' is not HOST:PORT (an IPv6 address needs brackets: [::1]:8000)")
        continue
      }
      if result.contains(address) { check.problem("--endpoint: '\(text)' is given twice") }
      result.append(address)
    }
    return result
  }

  private func checkListening(_ check: inout OptionsCheck) {
    let ports = [("--grpc-port", grpcPort), ("--grpc-health-port", healthPort), ("--metrics-port", metricsPort)]
    for (flag, port) in ports where !(0...65_535).contains(port) {
      check.problem("\(flag): \(port) is not a port (0 to 65535; 0 takes a free one)")
    }
    for (index, (flag, port)) in ports.enumerated() {
      for (other, otherPort) in ports.dropFirst(index + 1) where port == otherPort && port != 0 {
        check.problem("\(flag) and \(other) are both \(port): each needs a port of its own")
      }
    }
    if let workers, !(1...1024).contains(workers) { check.problem("--workers has to be from 1 to 1024") }
    if maximumConcurrentStreams < 1 { check.problem("--max-concurrent-streams has to be at least 1") }
    if certPath != nil, !secureServing {
      check.problem("--cert-path and --secure-serving=false contradict each other: leave one of them out")
    }
    if check.bytes(maximumSendMessage, "--grpc-max-send-msg-size") != nil {
      check.warnings.append("--grpc-max-send-msg-size has no effect: messages are at most 62,000 bytes of a body")
    }
  }

  private func checkUnsupported(_ check: inout OptionsCheck) {
    for flag in deprecated {
      check.problem("\(flag) was given up by llm-d and is not known here: engines are told by their metric names")
    }
    if leaderElection {
      check.problem("--ha-enable-leader-election is not supported by this version yet: every replica serves")
    }
    if metricsAuthentication {
      check.problem("--metrics-endpoint-auth is not supported by this version yet: metrics are served without it")
    }
    if metricsCertificates != nil {
      check.problem("--metrics-cert-dir and --metrics-client-ca-file are not supported by this version yet")
    }
    if tlsMinimumVersion != nil || !tlsCipherSuites.isEmpty {
      check.warnings.append("--tls-min-version and --tls-cipher-suites have no effect: TLS 1.2 and 1.3 with gRPC's own suites")
    }
    if certReload { check.warnings.append("--enable-cert-reload has no effect yet: restart to take a new certificate") }
    if tracing { check.warnings.append("--tracing has no effect yet") }
    if pprof == true { check.warnings.append("--enable-pprof has no effect: there is no Go runtime to profile") }
  }

  private func logVerbosity(_ check: inout OptionsCheck) -> Int {
    if let zapLogLevel {
      let levels = ["debug": 4, "info": 2, "error": 0]
      if let level = levels[zapLogLevel] ?? Int(zapLogLevel).map({ min(5, max(0, $0)) }) { return level }
      check.problem("--zap-log-level: '\(zapLogLevel)' is none of debug, info, error, or a number")
    }
    if !(0...10).contains(verbosity) { check.problem("-v has to be from 0 to 5") }
    return verbosity
  }

  private func logStyle(_ check: inout OptionsCheck) -> ServeConfiguration.LogStyle {
    if let logFormat {
      return check.choice(
        ServeConfiguration.LogStyle.init, ServeConfiguration.LogStyle.allCases.map(\.rawValue), logFormat,
        "--log-format") ?? .text
    }
    switch zapEncoder {
    case nil, "console": return .text
    case "json": return .json
    case let other?:
      check.problem("--zap-encoder: '\(other)' is neither json nor console")
      return .text
    }
  }
}
