/// Base64 of RFC 4648: the standard alphabet with padding (section 4), and the one for URLs without (section 5).
enum Base64 {
  /// An alphabet with its use of padding.
  enum Variant {
    case standard
    case url
  }

  private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
  private static let padding: UInt8 = 0x3D

  /// The text of bytes.
  static func text(_ bytes: some Collection<UInt8>, _ variant: Variant) -> String {
    let alphabet = letters + Array((variant == .standard ? "+/" : "-_").utf8)
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var (word, count) = (0, 0)
    for byte in bytes {
      word = word << 8 | Int(byte)
      count += 8
      while count >= 6 {
        count -= 6
        text.append(alphabet[word >> count & 63])
      }
      word &= 63
    }
    if count > 0 { text.append(alphabet[word << (6 - count) & 63]) }
    if variant == .standard { while text.count % 4 != 0 { text.append(padding) } }
    return String(decoding: text, as: UTF8.self)
  }

  /// The bytes of a text; nil when a byte is not of the alphabet, or when the length or the padding is wrong. Unused bits at the end
  /// are ignored.
  static func bytes(_ text: some StringProtocol, _ variant: Variant) -> [UInt8]? {
    var digits = Array(text.utf8)[...]
    if variant == .standard {
      guard digits.count % 4 == 0 else { return nil }
      for _ in 0..<2 where digits.last == padding { digits.removeLast() }
    }
    guard digits.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(digits.count / 4 * 3 + 2)
    var (word, count) = (0, 0)
    for digit in digits {
      guard let value = value(of: digit, variant) else { return nil }
      word = (word << 6 | value) & 0xFFFF
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: word >> count))
      }
    }
    return bytes
  }

  private static func value(of digit: UInt8, _ variant: Variant) -> Int? {
    switch digit {
    case 0x41...0x5A: Int(digit) - 0x41
    case 0x61...0x7A: Int(digit) - 0x61 + 26
    case 0x30...0x39: Int(digit) - 0x30 + 52
    case 0x2B where variant == .standard, 0x2D where variant == .url: 62
    case 0x2F where variant == .standard, 0x5F where variant == .url: 63
    default: nil
    }
  }
}
