import ArgumentParser
import EPPPrefixCache
package import EPPScheduling

/// Flags of the index of the engines' prefix caches.
package struct CacheFlags: ParsableArguments {
  private static let speculation = BooleanFlag("speculative-prefix", default: true)
  private static let smallestIndex = 16 << 20

  @Option(
    help: ArgumentHelp(
      """
      What is known of the engines' caches: auto (their KV events where they arrive, own picks elsewhere), approximate (own \
      picks alone) or precise (KV events alone where a request's tokens are known).
      """, valueName: "mode"))
  var prefixMode = PrefixMode.auto.rawValue
  @Option(
    help: ArgumentHelp(
      """
      Port on which every engine publishes its KV events by ZeroMQ (vLLM: endpoint in --kv-events-config, 5557 by \
      default); 0: none but those that the endpoints file names.
      """, valueName: "port"))
  var kvEventsPort: Int?
  @Option(
    help: ArgumentHelp(
      "Port of every engine's replay socket (vLLM: replay_endpoint). Without it, what was missed is found by prompts alone.",
      valueName: "port"))
  var kvReplayPort: Int?
  @Option(
    help: ArgumentHelp(
      "Data-parallel ranks behind one endpoint: rank r publishes on the port plus r.",
      valueName: "count"))
  var kvDataParallelSize = 1
  @Option(
    help: ArgumentHelp(
      """
      Listen here for engines that connect to the picker, such as tcp://*:5557. Their topic has to be \
      kv@<ip:port>@<model>.
      """, valueName: "address"))
  var kvEventsBind: String?
  @Option(
    name: speculation.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: speculation.help("Count what was just sent to an engine before its events announce it"))
  var speculativePrefix: GoBoolean?
  @Option(
    help: ArgumentHelp(
      """
      Where token ids of texts come from, for engines whose KV events are followed: render (the engines' own render or \
      tokenize endpoints) or none (texts are matched by their bytes).
      """, valueName: "source"))
  var tokenSource = TokenOrigin.render.rawValue
  @Option(
    help: ArgumentHelp(
      "How long a request waits for its token ids; then it is matched by its bytes.", valueName: "duration"))
  var tokenDeadline = "20ms"
  @Option(help: ArgumentHelp("Memory for the index of cached prefixes.", valueName: "size"))
  var maxIndexBytes = ByteQuantity.format(PrefixIndex.Limits().maximumBytes)
  @Option(
    help: ArgumentHelp(
      "File in which the index is kept across restarts: written every 30s, read at the start.", valueName: "file"))
  var indexSnapshot: String?
  @Option(
    help: ArgumentHelp(
      """
      File with the secret that block keys are made with, 32 hexadecimal digits; made when it is not there. Default: beside \
      the snapshot, else a new one with each start.
      """, valueName: "file"))
  var hashSecretFile: String?

  package init() {}

  /// Checks the flags, and returns the settings that they and the configuration file make.
  ///
  /// - Parameters:
  ///   - file: The configuration file; nil when there is none, or when it is broken.
  ///   - hasEndpointsFile: Whether there is an endpoints file, which may name addresses of KV events.
  func checked(_ check: inout FlagCheck, file: PickerConfigurationFile?, hasEndpointsFile: Bool) -> CacheSettings {
    let precise = file?.precise
    var settings = CacheSettings(
      mode: check.choice(prefixMode, "--prefix-mode") ?? .auto,
      speculates: check.given(speculativePrefix, Self.speculation) ?? precise?.speculates
        ?? Self.speculation.defaultValue,
      eventsPort: port(kvEventsPort, "--kv-events-port", &check),
      replayPort: port(kvReplayPort, "--kv-replay-port", &check), dataParallelSize: ranks(&check),
      eventsBind: kvEventsBind.given,
      tokenOrigin: check.choice(tokenSource, "--token-source") ?? .render,
      tokenDeadline: check.duration(tokenDeadline, "--token-deadline"), snapshotFile: indexSnapshot.given,
      hashSecretFile: hashSecretFile.given, maximumIndexBytes: indexBytes(&check))
    settings.renderService = file?.settings(RenderService.self).last
    if let precise, kvEventsPort == nil, settings.eventsBind == nil {
      settings.eventsPort = precise.eventsPort
      settings.eventsBind = precise.eventsBind
      if kvReplayPort == nil { settings.replayPort = precise.replayPort }
    }
    if let address = settings.eventsBind, !address.hasPrefix("tcp://") || !address.dropFirst(6).contains(":") {
      check.problem("--kv-events-bind: '\(address)' is not written tcp://HOST:PORT, such as tcp://*:5557")
    }
    checkEvents(settings, hasEndpointsFile: hasEndpointsFile, &check)
    checkRanks(settings, &check)
    return settings
  }

  private func port(_ number: Int?, _ flag: String, _ check: inout FlagCheck) -> UInt16? {
    guard let number, number != 0 else { return nil }
    guard let port = UInt16(exactly: number) else {
      check.problem("\(flag): \(number) is not a port from 1 to 65535 (0: none)")
      return nil
    }
    return port
  }

  private func ranks(_ check: inout FlagCheck) -> Int {
    if (1...64).contains(kvDataParallelSize) { return kvDataParallelSize }
    check.problem("--kv-data-parallel-size: \(kvDataParallelSize) is not from 1 to 64")
    return 1
  }

  private func indexBytes(_ check: inout FlagCheck) -> Int {
    let flag = "--max-index-bytes"
    let bytes = check.bytes(maxIndexBytes, flag) ?? Self.smallestIndex
    if bytes < Self.smallestIndex {
      let least = ByteQuantity.format(Self.smallestIndex)
      check.problem("\(flag): \(maxIndexBytes) is less than \(least), in which no engine's cache finds room")
    }
    return bytes
  }

  /// Checks that the ports of all data-parallel ranks exist and differ: rank r has the first rank's port plus r.
  private func checkRanks(_ settings: CacheSettings, _ check: inout FlagCheck) {
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

  private func checkEvents(_ settings: CacheSettings, hasEndpointsFile: Bool, _ check: inout FlagCheck) {
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

/// The settings of the index of the engines' prefix caches, from `CacheFlags` and the configuration file.
package struct CacheSettings: Sendable, Equatable {
  /// The source of the index: KV events, the picker's own decisions, or both.
  package var mode: PrefixMode
  /// Whether the prompt of a routed request counts as cached before the engine's KV events announce it.
  package var speculates: Bool
  /// Port of every engine's KV events; nil when only the endpoints file names their addresses.
  package var eventsPort: UInt16?
  /// Port of every engine's replay socket; nil when only the endpoints file names their addresses.
  package var replayPort: UInt16?
  /// Number of data-parallel ranks behind one endpoint.
  package var dataParallelSize: Int
  /// ZeroMQ address on which the picker listens for engines, such as `tcp://*:5557`; nil when engines do not connect to it.
  package var eventsBind: String?
  /// The source of the token ids of texts.
  package var tokenOrigin: TokenOrigin
  /// A service that renders prompts, which is asked before the engines; nil for none.
  package var renderService: RenderService?
  /// Longest time that a request waits for its token ids.
  package var tokenDeadline: Duration
  /// Path of the file that keeps the index across restarts; nil when there is none.
  package var snapshotFile: String?
  /// Path of the file with the secret of block keys, which replicas may share; nil for the default.
  package var hashSecretFile: String?
  /// Bytes of the whole index at most.
  package var maximumIndexBytes: Int
}
