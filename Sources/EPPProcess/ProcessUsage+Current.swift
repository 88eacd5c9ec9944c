package import EPPMetrics
import Glibc

extension ProcessUsage {
  /// Returns what this process has used so far; nil where `/proc` is not readable. Blocks the thread for some 100 µs.
  package static func current() -> ProcessUsage? {
    guard let stat = try? TextFile.read("/proc/self/stat"), let bootTime,
      var usage = ProcessUsage(
        stat: stat, bootTime: bootTime, ticks: Double(sysconf(Int32(_SC_CLK_TCK))),
        pageBytes: sysconf(Int32(_SC_PAGESIZE)))
    else { return nil }
    usage.openFiles = openFiles()
    var limit = rlimit()
    if unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
      usage.maximumFiles = Int(exactly: limit.rlim_cur)
    }
    return usage
  }

  /// When the machine was started, in seconds since 1970; nil where it is not known.
  private static let bootTime = (try? TextFile.read("/proc/stat")).flatMap { text in
    text.split(separator: "\n").first { $0.hasPrefix("btime ") }.flatMap { Double($0.dropFirst(6)) }
  }

  private static func openFiles() -> Int? {
    guard let directory = unsafe opendir("/proc/self/fd") else { return nil }
    defer { unsafe closedir(directory) }
    var count = 0
    while unsafe readdir(directory) != nil { count += 1 }
    // Without `.`, `..` and the directory's own.
    return max(0, count - 3)
  }
}
