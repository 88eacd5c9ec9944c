import EPPConfiguration
import Glibc

/// The number of processors that the process can use.
package enum ProcessorCount {
  /// Returns the number of processors on which the process may run, or that the CPU quota of its control group allows (a
  /// container's CPU limit) when it is less; at least 1.
  package static func available() -> Int {
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
