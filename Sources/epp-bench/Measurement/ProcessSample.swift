import EPPMetrics
import FoundationEssentials
import Glibc

/// CPU time and memory of a process at one time (`/proc/PID/stat` and `status`). CPU time is counted in ticks of 10 ms, so
/// differences should span a second or more.
struct ProcessSample: Sendable {
  /// User time of all threads since the start of the process, in seconds.
  var userSeconds = 0.0
  /// System time of all threads since the start of the process, in seconds.
  var systemSeconds = 0.0
  /// Resident memory (VmRSS) in bytes.
  var residentBytes = 0
  /// Highest resident memory so far (VmHWM) in bytes.
  var peakResidentBytes = 0

  /// User and system time in seconds.
  var cpuSeconds: Double { userSeconds + systemSeconds }

  /// Reads a process.
  ///
  /// - Throws: An error when it does not exist.
  init(processID: Int) throws {
    try self.init(directory: "/proc/\(processID)")
  }

  /// Reads the calling process; nil when its files cannot be read.
  static func ofThisProcess() -> ProcessSample? { try? ProcessSample(directory: "/proc/self") }

  private init(directory: String) throws {
    let stat = try String(contentsOfFile: directory + "/stat", encoding: .utf8)
    // Of the start and of memory nothing is used.
    guard let usage = ProcessUsage(stat: stat, bootTime: 0, ticks: Double(sysconf(Int32(_SC_CLK_TCK))), pageBytes: 1)
    else { throw BenchError("\(directory)/stat has too few fields") }
    (userSeconds, systemSeconds) = (usage.userSeconds, usage.systemSeconds)
    for line in try String(contentsOfFile: directory + "/status", encoding: .utf8).split(separator: "\n") {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard words.count >= 2, let kilobytes = Int(words[1]) else { continue }
      if words[0] == "VmRSS:" { residentBytes = kilobytes * 1024 }
      if words[0] == "VmHWM:" { peakResidentBytes = kilobytes * 1024 }
    }
  }
}
