/// Sizes as Kubernetes writes them, with an optional B: `10MiB`, `25MB`, `64Mi`, `4194304`.
package enum ByteQuantity {
  private static let units: [String: Int] = [
    "": 1, "k": 1000, "K": 1000, "M": 1_000_000, "G": 1_000_000_000, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30,
  ]

  /// Bytes; nil when the text is not a size, or is too large.
  package static func parse(_ text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    var unit = text.dropFirst(digits.count)
    if unit.last == "B" { unit.removeLast() }
    guard let number = Int(digits), let factor = units[String(unit)] else { return nil }
    let (bytes, overflow) = number.multipliedReportingOverflow(by: factor)
    return overflow ? nil : bytes
  }
}
