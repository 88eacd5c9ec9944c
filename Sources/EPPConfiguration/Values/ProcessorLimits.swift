/// How many processors a process can use, from the texts of the kernel's files. Nil where a text says nothing, or is not
/// understood.
package enum ProcessorLimits {
  /// The processors that the process may run on, from `/proc/self/status`: bits of the mask `Cpus_allowed`, such as `3,ffffffff`.
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

  /// The whole processors that `cpu.max` of cgroup v2 allows, such as `150000 100000` for 1.5 of them, rounded up.
  package static func quota(cpuMax text: String) -> Int? {
    let parts = text.split(whereSeparator: \.isWhitespace)
    guard parts.count == 2 else { return nil }
    return quota(microseconds: String(parts[0]), period: String(parts[1]))
  }

  /// The same from `cpu.cfs_quota_us`, -1 for no limit, and `cpu.cfs_period_us` of cgroup v1.
  package static func quota(microseconds quota: String, period: String) -> Int? {
    guard let quota = number(quota), let period = number(period), quota > 0, period > 0 else { return nil }
    return (quota - 1) / period + 1
  }

  /// The one word of a text as a number.
  private static func number(_ text: String) -> Int? {
    let words = text.split(whereSeparator: \.isWhitespace)
    return words.count == 1 ? Int(words[0]) : nil
  }
}
