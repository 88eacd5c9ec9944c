import EPPConfiguration
import Testing

/// Flags about the engines' caches.
@Suite struct CacheOptionsTests {
  private func validated(_ change: (inout ServeOptions) -> Void = { _ in }) throws -> ServeConfiguration {
    var options = ServeOptions()
    options.endpoints = ["10.0.0.1:8000"]
    change(&options)
    return try options.validated(cores: 1) { _ in TestText.head + "plugins: [{type: precise-prefix-cache-producer}]" }
  }

  private func problems(_ change: (inout ServeOptions) -> Void) -> [String] {
    do {
      _ = try validated(change)
      return []
    } catch let error as ConfigurationProblems {
      return error.problems.map(\.description)
    } catch {
      return ["\(error)"]
    }
  }

  @Test func defaults() throws {
    let cache = try validated().cache
    #expect(cache == CacheSettings())
    #expect(cache.mode == .auto && cache.speculates && cache.tokenOrigin == .render)
    #expect(cache.eventsPort == nil && cache.eventsBind == nil && cache.snapshotFile == nil)
    #expect(cache.tokenDeadline == .milliseconds(20) && cache.maximumIndexBytes == 2 << 30)
  }

  @Test func allAreTaken() throws {
    let cache = try validated {
      $0.prefixMode = "precise"
      $0.kvEventsPort = 5557
      $0.kvReplayPort = 5657
      $0.kvDataParallelSize = 8
      $0.speculativePrefix = false
      $0.tokenSource = "none"
      $0.tokenDeadline = "1s"
      $0.maximumIndex = "64Mi"
      $0.indexSnapshot = "/var/index"
      $0.hashSecretFile = "/var/secret"
    }.cache
    #expect(cache.mode == .precise && cache.tokenOrigin == .none && !cache.speculates)
    #expect(cache.eventsPort == 5557 && cache.replayPort == 5657 && cache.dataParallelSize == 8)
    #expect(cache.tokenDeadline == .seconds(1) && cache.maximumIndexBytes == 64 << 20)
    #expect(cache.snapshotFile == "/var/index" && cache.hashSecretFile == "/var/secret")
  }

  @Test func mistakesSayWhatToDo() {
    let lines = problems {
      $0.prefixMode = "exact"
      $0.kvEventsPort = 70_000
      $0.kvDataParallelSize = 0
      $0.kvEventsBind = "*:5557"
      $0.tokenSource = "engine"
      $0.tokenDeadline = "20"
      $0.maximumIndex = "1Mi"
    }
    #expect(
      lines == [
        "--prefix-mode: 'exact' is none of auto, approximate, precise",
        "--kv-events-port: 70000 is not a port from 1 to 65535 (0: none)",
        "--kv-data-parallel-size: 0 is not from 1 to 64",
        "--kv-events-bind: '*:5557' is not written tcp://HOST:PORT, such as tcp://*:5557",
        "--token-source: 'engine' is none of render, none",
        "--token-deadline: '20' is not a duration above 0 such as 50ms, 5s or 1m30s",
        "--max-index-bytes: 1Mi is less than 16Mi, in which no engine's cache finds room",
      ])
  }

  @Test func contradictionsAreFound() {
    #expect(
      problems { $0.prefixMode = "precise" } == [
        "--prefix-mode precise needs the engines' KV events: give --kv-events-port PORT (the port of the engines' "
          + "--kv-events-config), --kv-events-bind, or kvEvents in an endpoints file"
      ])
    #expect(
      problems {
        $0.kvEventsPort = 5557
        $0.kvEventsBind = "tcp://*:5557"
      } == [
        "--kv-events-port and --kv-events-bind exclude each other: engines either listen themselves or connect to the "
          + "picker"
      ])
  }

  @Test func aFileThatNamesNoEventsIsNoSourceOfThem() throws {
    func problems(_ plugins: String) -> [String] {
      var options = ServeOptions()
      options.endpoints = ["10.0.0.1:8000"]
      options.prefixMode = "precise"
      options.configFile = "epp.yaml"
      do {
        _ = try options.validated(cores: 1) { _ in TestText.head + plugins }
        return []
      } catch {
        return error.problems.map(\.description)
      }
    }
    #expect(problems("plugins: [{type: queue-scorer}]").first?.hasPrefix("--prefix-mode precise needs") == true)
    #expect(problems("plugins: [{type: precise-prefix-cache-producer}]").isEmpty)
  }

  @Test func portsOfRanksDoNotMeet() throws {
    func problems(_ events: Int, _ replay: Int?, _ ranks: Int?) -> [String] {
      self.problems {
        $0.kvEventsPort = events
        $0.kvReplayPort = replay
        $0.kvDataParallelSize = ranks
      }
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
    let approximate = try validated {
      $0.prefixMode = "approximate"
      $0.kvEventsPort = 5557
    }
    #expect(approximate.warnings.contains { $0.hasPrefix("--prefix-mode approximate: no KV events are followed") })
    let replay = try validated { $0.kvReplayPort = 5558 }
    #expect(replay.warnings.contains { $0.hasPrefix("--kv-replay-port has no effect without") })
  }

  @Test func flagsComeBeforeTheFile() throws {
    let fromFile = try validated { $0.configFile = "epp.yaml" }.cache
    #expect(fromFile.eventsPort == 5557 && fromFile.speculates)
    let flags = try validated {
      $0.configFile = "epp.yaml"
      $0.kvEventsBind = "tcp://*:6000"
    }.cache
    #expect(flags.eventsPort == nil && flags.eventsBind == "tcp://*:6000")
    let none = try validated {
      $0.configFile = "epp.yaml"
      $0.kvEventsPort = 0
    }.cache
    #expect(none.eventsPort == nil)
  }
}
