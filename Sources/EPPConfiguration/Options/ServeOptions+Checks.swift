import EPPCore

/// Rules about flags for listening, TLS, endpoints and what is not supported.
extension ServeOptions {
  /// The endpoints and the endpoints file.
  func endpointSources(
    _ file: PickerConfigurationFile?, _ check: inout OptionsCheck
  ) -> ([EndpointAddress], String?) {
    let path = endpointsFile.given ?? file?.endpointsFile
    // A broken configuration file may have named them.
    let isNamed =
      !endpoints.isEmpty || path != nil || file == nil && (configFile.given != nil || configText.given != nil)
    // Where endpoints are named, the pool's name is a label of metrics.
    let flags = [("--pool-name", isNamed ? nil : poolName.given), ("--endpoint-selector", endpointSelector.given)]
    let kubernetes = flags.filter { $0.1 != nil }.map(\.0)
    if !kubernetes.isEmpty {
      check.problem(
        "\(kubernetes.joined(separator: " and ")): Kubernetes discovery is not in this version: name the engines with "
          + "--endpoint HOST:PORT (repeatable) or --endpoints-file FILE")
    } else if !isNamed {
      check.problem("no endpoints: name the engines with --endpoint HOST:PORT (repeatable) or --endpoints-file FILE")
    }
    if kubernetes.isEmpty, !endpointTargetPorts.isEmpty {
      check.warnings.append("--endpoint-target-ports has no effect without --endpoint-selector")
    }
    if let flag = endpointsFile.given, let named = file?.endpointsFile, flag != named {
      check.problem("--endpoints-file and file-discovery in the configuration file name two files: give one of them")
    }
    var result: [EndpointAddress] = []
    for text in endpoints {
      do {
        let address = try AddressText.endpoint(text)
        if result.contains(address) {
          check.problem("--endpoint: '\(text)' is given twice")
        } else {
          result.append(address)
        }
      } catch {
        check.problem("--endpoint: \(error.message)")
      }
    }
    return (result, path)
  }

  func checkListening(_ check: inout OptionsCheck) {
    if !AddressText.isLiteral(bindAddress) {
      check.problem("--bind-address: '\(bindAddress)' is not an IP address such as 0.0.0.0, 127.0.0.1 or ::")
    }
    let ports = [("--grpc-port", grpcPort), ("--grpc-health-port", healthPort), ("--metrics-port", metricsPort)]
    for (flag, port) in ports where !(0...65_535).contains(port) {
      check.problem("\(flag): \(port) is not a port (1 to 65535, or 0 for a free one)")
    }
    for (index, (flag, port)) in ports.enumerated() {
      for (other, otherPort) in ports.dropFirst(index + 1) where port == otherPort && port != 0 {
        check.problem("\(flag) and \(other) are both \(port): each needs a port of its own")
      }
    }
    if let workers, !(1...1024).contains(workers) { check.problem("--workers: \(workers) is not from 1 to 1024") }
    if !(1...Int(Int32.max)).contains(maximumConcurrentStreams) {
      check.problem("--max-concurrent-streams: \(maximumConcurrentStreams) is not from 1 to \(Int32.max)")
    }
  }

  func checkTLS(_ check: inout OptionsCheck) {
    if certPath.given != nil, !secureServing {
      check.problem("--cert-path and --secure-serving=false contradict each other: leave one of them out")
    }
    if certReload { check.warnings.append("--enable-cert-reload has no effect yet: restart to take a new certificate") }
    if let version = tlsMinimumVersion.given {
      let known = ["VersionTLS10", "VersionTLS11", "VersionTLS12", "VersionTLS13"]
      if !known.contains(version) {
        _ = check.choice({ _ in Int?.none }, known, version, "--tls-min-version")
      } else if version == "VersionTLS13" {
        // Serving 1.2 to somebody who forbids it would be worse than not starting.
        check.problem("--tls-min-version VersionTLS13 is not supported by this version yet: TLS 1.2 and 1.3 are served")
      }
    }
    if tlsCipherSuites.contains(where: { !$0.isEmpty }) {
      check.warnings.append("--tls-cipher-suites has no effect: TLS 1.2 and 1.3 are served with gRPC's own suites")
    }
  }

  func checkUnsupported(_ check: inout OptionsCheck) {
    for flag in deprecated {
      check.problem(
        "\(flag) was given up by llm-d and is not known here: remove it; the metrics of vLLM and SGLang are read by "
          + "their names")
    }
    if leaderElection {
      check.problem("--ha-enable-leader-election is not supported by this version yet: every replica serves")
    }
    if metricsAuthentication {
      check.problem(
        "--metrics-endpoint-auth is not supported by this version yet: remove it, and keep the metrics port inside")
    }
    if metricsCertificates.given != nil {
      check.problem(
        "--metrics-cert-dir and --metrics-client-ca-file are not supported by this version yet: metrics are plain text")
    }
    if tracing { check.warnings.append("--tracing has no effect yet") }
    if pprof == true { check.warnings.append("--enable-pprof has no effect: there is no Go runtime to profile") }
  }
}
