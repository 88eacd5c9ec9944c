// Starting a process is not part of FoundationEssentials.
import Dispatch
import Foundation

/// An endpoint picker that this tool starts and stops. Its output goes to this tool's standard error.
struct ServerProcess {
  /// How long the process may take to end before it is killed.
  private static let timeout = Duration.seconds(10)

  private let process = Process()
  private var interruptions: [any DispatchSourceSignal] = []

  /// Starts the process.
  ///
  /// - Parameters:
  ///   - executable: Path of the program.
  ///   - cpu: Core to which the process is bound by `taskset`, which replaces itself by the program; nil for any core.
  /// - Throws: `BenchError` when the program cannot be started.
  init(executable: String, arguments: [String], cpu: Int?) throws {
    guard FileManager.default.isExecutableFile(atPath: executable) else {
      throw BenchError("\(executable) is not an executable file")
    }
    if let cpu {
      process.executableURL = URL(filePath: "/usr/bin/env")
      process.arguments = ["taskset", "-c", "\(cpu)", executable] + arguments
    } else {
      process.executableURL = URL(filePath: executable)
      process.arguments = arguments
    }
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = FileHandle.standardError
    do { try Self.withAllSignals { try process.run() } } catch {
      throw BenchError("cannot start \(executable): \(error)")
    }
    stopOnInterruption()
  }

  /// The id of the process.
  var processID: Int { Int(process.processIdentifier) }

  /// Whether the process has not ended.
  var isRunning: Bool { process.isRunning }

  /// Sends SIGTERM, waits until the process has ended, and kills it after 10 seconds.
  func stop() async {
    for source in interruptions { source.cancel() }
    process.terminate()
    let deadline = ContinuousClock.now + Self.timeout
    while process.isRunning, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(20)) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }

  /// Passes SIGINT and SIGTERM on as SIGTERM, and ends this tool: the process is in a process group of its own, which the
  /// signals do not reach.
  private mutating func stopOnInterruption() {
    let processID = process.processIdentifier
    interruptions = [SIGINT, SIGTERM].map { number in
      signal(number, SIG_IGN)
      let source = DispatchSource.makeSignalSource(signal: number)
      source.setEventHandler {
        kill(processID, SIGTERM)
        exit(128 + number)
      }
      source.resume()
      return source
    }
  }

  /// Calls `body` with no signals blocked. A child process inherits the signal mask of the thread that starts it; the threads
  /// of the concurrency runtime block nearly all signals, including SIGTERM.
  private static func withAllSignals(_ body: () throws -> Void) rethrows {
    var none = sigset_t()
    var before = sigset_t()
    unsafe sigemptyset(&none)
    unsafe pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    try body()
  }
}
