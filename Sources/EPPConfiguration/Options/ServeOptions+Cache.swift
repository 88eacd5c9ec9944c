import EPPScheduling

/// Flags about the engines' prefix caches.
extension ServeOptions {
  func cacheSettings(_ file: PickerConfigurationFile?, _ check: inout OptionsCheck) -> CacheSettings {
    let precise = file?.precise
    var settings = CacheSettings()
    settings.mode =
      check.choice(PrefixMode.init, PrefixMode.allCases.map(\.rawValue), prefixMode, "--prefix-mode") ?? .auto
    settings.speculates = speculativePrefix ?? precise?.speculates ?? true
    settings.eventsPort = port(kvEventsPort, "--kv-events-port", &check)
    settings.replayPort = port(kvReplayPort, "--kv-replay-port", &check)
    if let size = kvDataParallelSize {
      if (1...64).contains(size) {
        settings.dataParallelSize = size
      } else {
        check.problem("--kv-data-parallel-size: \(size) is not from 1 to 64")
      }
    }
    settings.eventsBind = kvEventsBind.given
    if let precise, kvEventsPort == nil, settings.eventsBind == nil {
      settings.eventsPort = precise.eventsPort
      settings.eventsBind = precise.eventsBind
    }
    if let address = settings.eventsBind, !address.hasPrefix("tcp://") || !address.dropFirst(6).contains(":") {
      check.problem("--kv-events-bind: '\(address)' is not written tcp://HOST:PORT, such as tcp://*:5557")
    }
    settings.tokenOrigin =
      check.choice(TokenOrigin.init, TokenOrigin.allCases.map(\.rawValue), tokenSource, "--token-source") ?? .render
    settings.tokenDeadline = check.duration(tokenDeadline, "--token-deadline")
    settings.snapshotFile = indexSnapshot.given
    settings.hashSecretFile = hashSecretFile.given
    if let bytes = check.bytes(maximumIndex, "--max-index-bytes") {
      if bytes >= Self.smallestIndex {
        settings.maximumIndexBytes = bytes
      } else {
        check.problem("--max-index-bytes: \(maximumIndex) is less than 16Mi, in which no engine's cache finds room")
      }
    }
    checkEvents(settings, hasEndpointsFile: endpointsFile.given != nil || file?.endpointsFile != nil, &check)
    checkRanks(settings, &check)
    return settings
  }

  private static let smallestIndex = 16 << 20

  private func port(_ number: Int?, _ flag: String, _ check: inout OptionsCheck) -> UInt16? {
    guard let number, number != 0 else { return nil }
    guard let port = UInt16(exactly: number) else {
      check.problem("\(flag): \(number) is not a port from 1 to 65535 (0: none)")
      return nil
    }
    return port
  }

  /// Each rank has a port of its own, counted up from the first one's.
  private func checkRanks(_ settings: CacheSettings, _ check: inout OptionsCheck) {
    let size = settings.dataParallelSize
    for (port, flag) in [(settings.eventsPort, "--kv-events-port"), (settings.replayPort, "--kv-replay-port")] {
      guard let port, Int(port) + size - 1 > Int(UInt16.max) else { continue }
      check.problem(
        "\(flag): with --kv-data-parallel-size \(size) the last rank would have port \(Int(port) + size - 1), and there is none "
          + "above 65535")
    }
    if let events = settings.eventsPort, let replay = settings.replayPort, abs(Int(events) - Int(replay)) < size {
      check.problem(
        size == 1
          ? "--kv-events-port and --kv-replay-port are both \(events): an engine has a port for each"
          : "--kv-events-port \(events) and --kv-replay-port \(replay) are less than --kv-data-parallel-size \(size) apart: "
            + "each rank has both ports, counted up from the first one's")
    }
  }

  private func checkEvents(_ settings: CacheSettings, hasEndpointsFile: Bool, _ check: inout OptionsCheck) {
    let hasPort = settings.eventsPort != nil || settings.eventsBind != nil
    if settings.mode == .approximate, hasPort || settings.replayPort != nil {
      check.warnings.append(
        "--prefix-mode approximate: no KV events are followed, and the flags for them have no effect")
    }
    if settings.mode == .precise, !hasPort, !hasEndpointsFile {
      check.problem(
        "--prefix-mode precise needs the engines' KV events: give --kv-events-port PORT (the port of the engines' "
          + "--kv-events-config), --kv-events-bind, or kvEvents in an endpoints file")
    }
    if settings.replayPort != nil, !hasPort, !hasEndpointsFile {
      check.warnings.append(
        "--kv-replay-port has no effect without --kv-events-port, --kv-events-bind or an endpoints file")
    }
    if settings.eventsPort != nil, settings.eventsBind != nil {
      check.problem(
        "--kv-events-port and --kv-events-bind exclude each other: engines either listen themselves or connect to the "
          + "picker")
    }
  }
}
