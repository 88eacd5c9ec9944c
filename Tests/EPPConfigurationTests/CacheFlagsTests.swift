import EPPConfiguration
import Testing

/// Flags about the engines' caches.
@Suite struct CacheFlagsTests {
  private let flags = FlagsUnderTest(
    files: ["epp.yaml": TestText.head + "plugins: [{type: precise-prefix-cache-producer}]"])

  @Test func defaults() throws {
    let cache = try flags.validated().cache
    #expect(cache.mode == .auto && cache.speculates && cache.tokenOrigin == .render)
    #expect(cache.eventsPort == nil && cache.eventsBind == nil && cache.snapshotFile == nil)
    #expect(cache.tokenDeadline == .milliseconds(20) && cache.maximumIndexBytes == 2 << 30)
  }

  @Test func allAreTaken() throws {
    let cache = try flags.validated(
      "--prefix-mode=precise",
      "--kv-events-port=5557",
      "--kv-replay-port=5657",
      "--kv-data-parallel-size=8",
      "--speculative-prefix=false",
      "--token-source=none",
      "--token-deadline=1s",
      "--max-index-bytes=64Mi",
      "--index-snapshot=/var/index",
      "--hash-secret-file=/var/secret"
    ).cache
    #expect(cache.mode == .precise && cache.tokenOrigin == .none && !cache.speculates)
    #expect(cache.eventsPort == 5557 && cache.replayPort == 5657 && cache.dataParallelSize == 8)
    #expect(cache.tokenDeadline == .seconds(1) && cache.maximumIndexBytes == 64 << 20)
    #expect(cache.snapshotFile == "/var/index" && cache.hashSecretFile == "/var/secret")
  }

  @Test func mistakesSayWhatToDo() {
    let lines = flags.problems(
      "--prefix-mode=exact",
      "--kv-events-port=70000",
      "--kv-data-parallel-size=0",
      "--kv-events-bind=*:5557",
      "--token-source=engine",
      "--token-deadline=20",
      "--max-index-bytes=1Mi")
    #expect(
      lines == [
        "--prefix-mode: 'exact' is none of auto, approximate, precise",
        "--kv-events-port: 70000 is not a port from 1 to 65535 (0: none)",
        "--kv-data-parallel-size: 0 is not from 1 to 64",
        "--token-source: 'engine' is none of render, none",
        "--token-deadline: '20' is not a duration above 0 such as 50ms, 5s or 1m30s",
        "--max-index-bytes: 1Mi is less than 16Mi, in which no engine's cache finds room",
        "--kv-events-bind: '*:5557' is not written tcp://HOST:PORT, such as tcp://*:5557",
      ])
  }

  @Test func contradictionsAreFound() {
    #expect(
      flags.problems("--prefix-mode=precise") == [
        "--prefix-mode precise needs the engines' KV events: give --kv-events-port PORT (the port of the engines' "
          + "--kv-events-config), --kv-events-bind, or kvEvents in an endpoints file"
      ])
    #expect(
      flags.problems(
        "--kv-events-port=5557",
        "--kv-events-bind=tcp://*:5557") == [
          "--kv-events-port and --kv-events-bind exclude each other: engines either listen themselves or connect to the "
            + "picker"
        ])
  }

  @Test func aFileThatNamesNoEventsIsNoSourceOfThem() throws {
    func problems(_ plugins: String) -> [String] {
      FlagsUnderTest(files: ["epp.yaml": TestText.head + plugins]).problems(
        "--prefix-mode=precise", "--config-file=epp.yaml")
    }
    #expect(problems("plugins: [{type: queue-scorer}]").first?.hasPrefix("--prefix-mode precise needs") == true)
    #expect(problems("plugins: [{type: precise-prefix-cache-producer}]").isEmpty)
  }

  @Test func portsOfRanksDoNotMeet() throws {
    func problems(_ events: Int, _ replay: Int?, _ ranks: Int?) -> [String] {
      var arguments = ["--kv-events-port=\(events)"]
      if let replay { arguments.append("--kv-replay-port=\(replay)") }
      if let ranks { arguments.append("--kv-data-parallel-size=\(ranks)") }
      return flags.problems(arguments)
    }
    #expect(problems(5557, 5558, nil).isEmpty && problems(5557, 5565, 8).isEmpty && problems(65_528, nil, 8).isEmpty)
    let apart =
      "are less than --kv-data-parallel-size 8 apart: each rank has both ports, counted up from the first one's"
    #expect(problems(5557, 5564, 8) == ["--kv-events-port 5557 and --kv-replay-port 5564 \(apart)"])
    #expect(problems(5564, 5557, 8) == ["--kv-events-port 5564 and --kv-replay-port 5557 \(apart)"])
    #expect(
      problems(5557, 5557, nil) == [
        "--kv-events-port and --kv-replay-port are both 5557: an engine has a port for each"
      ])
    #expect(
      problems(5557, 65_529, 8) == [
        "--kv-replay-port: with --kv-data-parallel-size 8 the last rank would have port 65536, and there is none above 65535"
      ])
  }

  @Test func whatHasNoEffectIsSaid() throws {
    let approximate = try flags.validated(
      "--prefix-mode=approximate",
      "--kv-events-port=5557")
    #expect(approximate.warnings.contains { $0.hasPrefix("--prefix-mode approximate: no KV events are followed") })
    let replay = try flags.validated("--kv-replay-port=5558")
    #expect(replay.warnings.contains { $0.hasPrefix("--kv-replay-port has no effect without") })
  }

  @Test func flagsComeBeforeTheFile() throws {
    let fromFile = try flags.validated("--config-file=epp.yaml").cache
    #expect(fromFile.eventsPort == 5557 && fromFile.speculates)
    let ours = try flags.validated(
      "--config-file=epp.yaml",
      "--kv-events-bind=tcp://*:6000"
    ).cache
    #expect(ours.eventsPort == nil && ours.eventsBind == "tcp://*:6000")
    let none = try flags.validated(
      "--config-file=epp.yaml",
      "--kv-events-port=0"
    ).cache
    #expect(none.eventsPort == nil)
  }
}
