// Starting a process is not part of FoundationEssentials.
import Dispatch
import Foundation

/// An endpoint picker that this tool has started and stops again. Its output goes to this tool's standard error.
struct ServerProcess {
  /// How long the process may take to end before it is killed.
  private static let timeout = Duration.seconds(10)

  private let process = Process()
  private var interruptions: [any DispatchSourceSignal] = []

  /// - Parameters:
  ///   - executable: Path of the program.
  ///   - cpu: Core that the process is kept on, by `taskset`, which becomes the program and keeps its process id.
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

  var processID: Int { Int(process.processIdentifier) }

  var isRunning: Bool { process.isRunning }

  /// Asks the process to end, waits until it has, and kills it when it takes too long.
  func stop() async {
    for source in interruptions { source.cancel() }
    process.terminate()
    let deadline = ContinuousClock.now + Self.timeout
    while process.isRunning, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(20)) }
    if process.isRunning { kill(process.processIdentifier, SIGKILL) }
  }

  /// The process stands in a group of its own, so an interruption of this tool does not reach it by itself.
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

  /// A child begins with the signal mask of the thread that starts it, and the threads of the concurrency runtime block
  /// nearly all: such a child would never see SIGTERM.
  private static func withAllSignals(_ body: () throws -> Void) rethrows {
    var none = sigset_t()
    var before = sigset_t()
    unsafe sigemptyset(&none)
    unsafe pthread_sigmask(SIG_SETMASK, &none, &before)
    defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
    try body()
  }
}
