/// Ids of requests between engines.
enum RequestID {
  /// A random UUID (RFC 9562, version 4) as text.
  static func random() -> String {
    var high = UInt64.random(in: 0...UInt64.max)
    var low = UInt64.random(in: 0...UInt64.max)
    high = (high & ~0xF000) | 0x4000
    low = (low & ~(0xC000 << 48)) | (0x8000 << 48)
    let digits = hexadecimal(high) + hexadecimal(low)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if [8, 12, 16, 20].contains(index) { text.append("-") }
      text.append(digit)
    }
    return text
  }

  private static func hexadecimal(_ value: UInt64) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: 16 - text.count) + text
  }
}
