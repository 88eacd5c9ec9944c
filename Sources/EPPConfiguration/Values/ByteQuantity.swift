/// Reads and writes sizes in the format of Kubernetes quantities, with an optional B: `10MiB`, `25MB`, `64Mi`, `1.5Gi`, `1e6`,
/// `4194304`.
package enum ByteQuantity {
  private static let units: [(suffix: String, bytes: Double)] = [
    ("", 1), ("k", 1e3), ("K", 1e3), ("M", 1e6), ("G", 1e9), ("T", 1e12), ("P", 1e15), ("E", 1e18),
    ("Ki", 1_024), ("Mi", 1_048_576), ("Gi", 1_073_741_824), ("Ti", 1_099_511_627_776),
    ("Pi", 1_125_899_906_842_624), ("Ei", 1_152_921_504_606_846_976),
  ]

  /// Returns the number of bytes; nil when the text is no size, is negative, is no whole number of bytes, or does not fit an
  /// `Int`.
  package static func parse(_ text: String) -> Int? {
    let number = text.prefix { ("0"..."9").contains($0) || $0 == "." }
    var unit = text.dropFirst(number.count)
    guard number.contains(where: { $0 != "." }) else { return nil }
    var exponent = 0
    if let first = unit.first, first == "e" || first == "E", let second = unit.dropFirst().first,
      ("0"..."9").contains(second)
    {
      guard let value = Int(unit.dropFirst()), value <= 18 else { return nil }
      exponent = value
      unit = ""
    }
    if unit.last == "B" { unit.removeLast() }
    guard let factor = units.first(where: { $0.suffix == unit })?.bytes else { return nil }
    // Whole numbers stay exact; a fraction is one of a unit, where a Double has bits enough.
    if exponent == 0, let whole = Int(number), let step = Int(exactly: factor) {
      let (bytes, overflow) = whole.multipliedReportingOverflow(by: step)
      return overflow ? nil : bytes
    }
    guard var value = Double(number) else { return nil }
    value *= factor
    for _ in 0..<exponent { value *= 10 }
    return Int(exactly: value)
  }

  /// Returns the text of a size in the largest unit of powers of 1,024 that divides it: `2Gi`, `1536Mi`, `1000`.
  package static func format(_ bytes: Int) -> String {
    let binary = units.filter { $0.suffix.hasSuffix("i") }.reversed()
    let unit = binary.first { bytes > 0 && bytes % Int($0.bytes) == 0 }
    return unit.map { "\(bytes / Int($0.bytes))\($0.suffix)" } ?? "\(bytes)"
  }
}
