/// Reads limits of a process's processors from the texts of kernel files. The functions return nil when a text has no limit or
/// another format.
package enum ProcessorLimits {
  /// Returns the number of processors on which the process may run, from `/proc/self/status`: the bits of the mask
  /// `Cpus_allowed`, such as `3,ffffffff`.
  package static func allowed(processStatus text: String) -> Int? {
    let name = "Cpus_allowed:"
    guard let line = text.split(whereSeparator: \.isNewline).first(where: { $0.hasPrefix(name) }) else { return nil }
    var count = 0
    for character in line.dropFirst(name.count) where character != "," && !character.isWhitespace {
      guard let digit = character.hexDigitValue else { return nil }
      count += digit.nonzeroBitCount
    }
    return count > 0 ? count : nil
  }

  /// Returns the processors that `cpu.max` of cgroup v2 allows, rounded up: 2 for `150000 100000`.
  package static func quota(cpuMax text: String) -> Int? {
    let parts = text.split(whereSeparator: \.isWhitespace)
    guard parts.count == 2 else { return nil }
    return quota(microseconds: String(parts[0]), period: String(parts[1]))
  }

  /// Returns the processors that `cpu.cfs_quota_us` (-1 for no limit) and `cpu.cfs_period_us` of cgroup v1 allow, rounded up.
  package static func quota(microseconds quota: String, period: String) -> Int? {
    guard let quota = number(quota), let period = number(period), quota > 0, period > 0 else { return nil }
    return (quota - 1) / period + 1
  }

  /// Reads a text of one word as a number.
  private static func number(_ text: String) -> Int? {
    let words = text.split(whereSeparator: \.isWhitespace)
    return words.count == 1 ? Int(words[0]) : nil
  }
}
