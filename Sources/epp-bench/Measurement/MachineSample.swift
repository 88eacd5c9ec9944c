import FoundationEssentials
import Glibc

/// The CPU time of all cores since boot (`/proc/stat`).
struct MachineSample: Sendable {
  /// User, nice, system, interrupt and stolen time in seconds; 0 when the file cannot be read.
  var busySeconds = 0.0

  /// Reads the current time.
  init() {
    guard let stat = try? String(contentsOfFile: "/proc/stat", encoding: .utf8),
      let fields = stat.split(separator: "\n").first?.split(separator: " ").dropFirst().map({ Double($0) ?? 0 }),
      fields.count >= 8
    else { return }
    busySeconds =
      (fields[0] + fields[1] + fields[2] + fields[5] + fields[6] + fields[7])
      / Double(sysconf(Int32(_SC_CLK_TCK)))
  }
}
