import EPPConfiguration
import EPPDataLayer
import EPPMetrics
import EPPYAML
import FoundationEssentials
import Logging
import NIOPosix
import ServiceLifecycle

/// Reads the configuration file again when it has changed, and at SIGHUP. The file is read on a thread of its own: a network file
/// system may take seconds.
struct ConfigurationService: Service {
  /// The path of the file; nil where there is none.
  let path: String?
  /// Whether the file is read again when it has changed, also without a signal.
  let watches: Bool
  /// One element for each SIGHUP.
  let hangups: AsyncStream<Void>
  /// Reads flags and the file's text, which is given, to a configuration.
  let read: @Sendable (_ text: String) throws(ConfigurationProblems) -> ServeConfiguration
  let routing: RunningRouting
  let running: RunningConfiguration
  let series: ReloadSeries
  let logger: Logger

  /// Time between two looks at the file.
  private static let interval = Duration.milliseconds(250)
  /// Bytes of the largest file that is read.
  private static let largest = 1 << 20

  private enum Event {
    case look
    case hangup
  }

  func run() async throws {
    await cancelWhenGracefulShutdown {
      let (events, continuation) = AsyncStream<Event>.makeStream(bufferingPolicy: .bufferingNewest(16))
      await withTaskGroup(of: Void.self) { group in
        group.addTask { [hangups] in
          for await _ in hangups { continuation.yield(.hangup) }
        }
        if watches, path != nil {
          group.addTask {
            while (try? await Task.sleep(for: Self.interval)) != nil { continuation.yield(.look) }
          }
        }
        group.addTask { await follow(events) }
        // The first task to end does so because the service is cancelled.
        await group.next()
        group.cancelAll()
        continuation.finish()
      }
    }
  }

  private func follow(_ events: AsyncStream<Event>) async {
    guard let path else {
      for await event in events where event == .hangup {
        logger.notice("SIGHUP: there is nothing to read again without --config-file")
      }
      return
    }
    var file = WatchedFile(path: path, largest: Self.largest)
    // What is there at the start is in force.
    (file, _) = await Self.look(file)
    for await event in events {
      if event == .hangup { file = WatchedFile(path: path, largest: Self.largest) }
      let look: WatchedFile.Look
      (file, look) = await Self.look(file)
      switch look {
      case .unchanged: break
      case .problem(let problem):
        fail(ConfigurationProblems([ConfigurationProblem("\(problem)")], file: path), as: .readError)
      case .content(let bytes): take(bytes, path)
      }
    }
  }

  private static func look(_ file: WatchedFile) async -> (WatchedFile, WatchedFile.Look) {
    let looked = try? await NIOThreadPool.singleton.runIfActive {
      var file = file
      let look = file.look()
      return (file, look)
    }
    return looked ?? (file, .unchanged)
  }

  private func take(_ bytes: [UInt8], _ path: String) {
    do throws(ConfigurationProblems) {
      guard let text = YAMLDocument.text(bytes) else {
        throw ConfigurationProblems([ConfigurationProblem("it is no text in UTF-8 or UTF-16")], file: path)
      }
      let configuration = try read(text)
      let change = routing.reload(configuration)
      running.update { $0.reloaded(configuration, time: Date()) }
      series.count(.success)
      series.setLoaded(at: Date().timeIntervalSince1970)
      logger.notice("the configuration was read again", metadata: ["file": "\(path)", "changed": "\(change.summary)"])
      for warning in configuration.warnings { logger.warning("\(warning)") }
      for setting in change.needingRestart {
        logger.warning("\(setting): a change of this needs a restart", metadata: ["file": "\(path)"])
      }
    } catch {
      fail(error, as: .invalid)
    }
  }

  private func fail(_ problems: ConfigurationProblems, as result: ReloadSeries.Result) {
    running.update { $0.reloadFailed(problems, time: Date()) }
    series.count(result)
    for problem in problems.problems {
      logger.error("the configuration cannot be used, and the previous one stays in force: \(problem)")
    }
  }
}
