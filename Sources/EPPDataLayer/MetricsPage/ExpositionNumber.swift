/// Numbers as the Prometheus text format writes them.
enum ExpositionNumber {
  /// Powers of ten that a `Double` holds exactly.
  private static let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
  ]

  /// Bytes of the longest token that is read; Go and Python write 24 bytes at most.
  private static let longest = 64

  /// Reads a token: a decimal with optional sign, fraction and exponent, or `NaN` or `Inf` in any case with optional sign. Nil
  /// for anything else.
  static func parse(_ bytes: RawSpan, _ range: Range<Int>) -> Double? {
    guard !range.isEmpty, range.count <= longest else { return nil }
    var offset = range.lowerBound
    var isNegative = false
    if bytes.byte(at: offset) == UInt8(ascii: "-") || bytes.byte(at: offset) == UInt8(ascii: "+") {
      isNegative = bytes.byte(at: offset) == UInt8(ascii: "-")
      offset += 1
    }
    var mantissa: UInt64 = 0
    var digits = 0
    var exponent = 0
    var isExact = true
    var hasPoint = false
    scan: while offset < range.upperBound {
      let byte = bytes.byte(at: offset)
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        digits += 1
        if mantissa > (1 << 53) / 10 - 1 {
          isExact = false
        } else {
          mantissa = mantissa &* 10 &+ UInt64(byte &- UInt8(ascii: "0"))
          if hasPoint { exponent -= 1 }
        }
      case UInt8(ascii: ".") where !hasPoint:
        hasPoint = true
      default:
        break scan
      }
      offset += 1
    }
    guard digits > 0 else { return word(bytes, offset..<range.upperBound, isNegative) }
    if offset < range.upperBound {
      guard let written = decimalExponent(bytes, offset..<range.upperBound) else { return nil }
      exponent += written
    }
    if isExact, abs(exponent) < powersOfTen.count {
      let magnitude =
        exponent < 0 ? Double(mantissa) / powersOfTen[-exponent] : Double(mantissa) * powersOfTen[exponent]
      return isNegative ? -magnitude : magnitude
    }
    var text: [UInt8] = []
    bytes.append(range, to: &text)
    return Double(String(decoding: text, as: UTF8.self))
  }

  /// Reads an exponent such as `e9`, `E+09` or `e-3`; nil for anything else. Clamped to ±100,000.
  private static func decimalExponent(_ bytes: RawSpan, _ range: Range<Int>) -> Int? {
    var offset = range.lowerBound
    guard bytes.byte(at: offset) | 0x20 == UInt8(ascii: "e") else { return nil }
    offset += 1
    var isNegative = false
    if offset < range.upperBound, let sign = Optional(bytes.byte(at: offset)),
      sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+")
    {
      isNegative = sign == UInt8(ascii: "-")
      offset += 1
    }
    guard offset < range.upperBound else { return nil }
    var value = 0
    while offset < range.upperBound {
      let digit = bytes.byte(at: offset) &- UInt8(ascii: "0")
      guard digit <= 9 else { return nil }
      value = min(value * 10 + Int(digit), 100_000)
      offset += 1
    }
    return isNegative ? -value : value
  }

  private static func word(_ bytes: RawSpan, _ range: Range<Int>, _ isNegative: Bool) -> Double? {
    guard range.count == 3 else { return nil }
    var letters: UInt32 = 0
    for offset in range { letters = letters << 8 | UInt32(bytes.byte(at: offset) | 0x20) }
    switch letters {
    case 0x6E_61_6E: return .nan
    case 0x69_6E_66: return isNegative ? -.infinity : .infinity
    default: return nil
    }
  }
}
