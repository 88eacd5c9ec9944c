// Starting a process is not part of FoundationEssentials.
import Foundation

/// An endpoint picker that this tool has started and stops again. Its output goes to this tool's standard error.
struct ServerProcess {
  private let process = Process()

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
    do { try process.run() } catch { throw BenchError("cannot start \(executable): \(error)") }
  }

  var processID: Int { Int(process.processIdentifier) }

  var isRunning: Bool { process.isRunning }

  /// Asks the process to end and waits until it has.
  func stop() {
    guard process.isRunning else { return }
    process.terminate()
    process.waitUntilExit()
  }
}
