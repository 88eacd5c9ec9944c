import FoundationEssentials
import Glibc

/// What the kernel says about a process at one moment (`/proc/PID/stat` and `status`).
struct ProcessSample: Sendable {
  /// CPU time of all threads since the start, in seconds; ticks of 10 ms, so differences want a second or more.
  var userSeconds = 0.0
  var systemSeconds = 0.0
  /// VmRSS and VmHWM, in bytes.
  var residentBytes = 0
  var peakResidentBytes = 0

  var cpuSeconds: Double { userSeconds + systemSeconds }

  /// Reads a process; throws when it does not exist.
  init(processID: Int) throws {
    try self.init(directory: "/proc/\(processID)")
  }

  /// Reads the calling process.
  static func ofThisProcess() -> ProcessSample? { try? ProcessSample(directory: "/proc/self") }

  private init(directory: String) throws {
    let stat = try String(contentsOfFile: directory + "/stat", encoding: .utf8)
    // The second field is the name in parentheses and may hold anything: count from behind it.
    guard let end = stat.lastIndex(of: ")") else { throw BenchError("\(directory)/stat has no name field") }
    let fields = stat[stat.index(after: end)...].split(separator: " ")
    guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
      throw BenchError("\(directory)/stat has too few fields")
    }
    let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
    userSeconds = user / ticks
    systemSeconds = system / ticks
    for line in try String(contentsOfFile: directory + "/status", encoding: .utf8).split(separator: "\n") {
      let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
      guard words.count >= 2, let kilobytes = Int(words[1]) else { continue }
      if words[0] == "VmRSS:" { residentBytes = kilobytes * 1024 }
      if words[0] == "VmHWM:" { peakResidentBytes = kilobytes * 1024 }
    }
  }
}
