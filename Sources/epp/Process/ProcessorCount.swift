import EPPConfiguration
import Glibc

/// The processors that this process can use.
enum ProcessorCount {
  /// Those that it may run on, or fewer where its control group has a quota of CPU time, as a container with a CPU limit has;
  /// at least 1.
  static func available() -> Int {
    let allowed = (try? TextFile.read("/proc/self/status")).flatMap(ProcessorLimits.allowed(processStatus:))
    return max(1, min(allowed ?? sysconf(Int32(_SC_NPROCESSORS_ONLN)), quota() ?? .max))
  }

  private static func quota() -> Int? {
    if let text = try? TextFile.read("/sys/fs/cgroup/cpu.max") { return ProcessorLimits.quota(cpuMax: text) }
    let folder = "/sys/fs/cgroup/cpu/"
    guard let quota = try? TextFile.read(folder + "cpu.cfs_quota_us"),
      let period = try? TextFile.read(folder + "cpu.cfs_period_us")
    else { return nil }
    return ProcessorLimits.quota(microseconds: quota, period: period)
  }
}
