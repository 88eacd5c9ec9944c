import EPPCore

/// Finds the top-level member `usage` of a JSON answer while it passes by: follows brackets and strings only, and keeps
/// nothing but that member's own bytes.
struct UsageMemberScanner: Sendable {
  /// Bytes of a usage object that are kept; the largest of vLLM's has 300.
  static let maximumObjectBytes = 4096
  private static let wanted = Array("usage".utf8)

  private enum Place: Sendable {
    case outside
    case string
    case escape
  }

  private var place = Place.outside
  private var depth = 0
  /// Whether the next string at depth 1 is a member's key.
  private var expectsKey = false
  /// How much of the wanted key the present string has matched; nil when it is not a key or differs.
  private var matched: Int?
  private var isWantedKey = false
  private var isCapturing = false
  private var captured: [UInt8] = []

  init() {}

  /// Takes the next piece; usage when its object is complete in it.
  mutating func feed(_ bytes: RawSpan) -> TokenUsage? {
    var found: TokenUsage?
    var offset = 0
    while offset < bytes.byteCount {
      if place == .string, !isCapturing, matched == nil {
        // Most of an answer is text: pass it quickly.
        offset = Self.nextQuoteOrBackslash(bytes, offset)
        if offset == bytes.byteCount { break }
      }
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      offset += 1
      if let usage = step(byte) { found = usage }
    }
    return found
  }

  private mutating func step(_ byte: UInt8) -> TokenUsage? {
    switch place {
    case .escape:
      keep(byte)
      place = .string
      matched = nil
    case .string:
      keep(byte)
      inString(byte)
    case .outside:
      return outside(byte)
    }
    return nil
  }

  private mutating func inString(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\\"):
      place = .escape
    case UInt8(ascii: "\""):
      place = .outside
      isWantedKey = matched == Self.wanted.count
      matched = nil
    default:
      if let count = matched {
        matched = count < Self.wanted.count && Self.wanted[count] == byte ? count + 1 : nil
      }
    }
  }

  private mutating func outside(_ byte: UInt8) -> TokenUsage? {
    switch byte {
    case UInt8(ascii: "\""):
      keep(byte)
      place = .string
      matched = expectsKey && depth == 1 ? 0 : nil
      expectsKey = false
    case UInt8(ascii: ":"):
      keep(byte)
      if depth == 1, isWantedKey { isCapturing = true }
      isWantedKey = false
    case UInt8(ascii: "{"), UInt8(ascii: "["):
      keep(byte)
      depth += 1
      expectsKey = depth == 1 && byte == UInt8(ascii: "{")
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      depth -= 1
      if depth == 0 { return finishCapture() }
      keep(byte)
    case UInt8(ascii: ","):
      if depth == 1 {
        expectsKey = true
        return finishCapture()
      }
      keep(byte)
    default:
      keep(byte)
    }
    return nil
  }

  private mutating func keep(_ byte: UInt8) {
    guard isCapturing else { return }
    guard captured.count < Self.maximumObjectBytes else {
      isCapturing = false
      captured = []
      return
    }
    captured.append(byte)
  }

  private mutating func finishCapture() -> TokenUsage? {
    guard isCapturing else { return nil }
    isCapturing = false
    defer { captured = [] }
    return unsafe UsageObject.read(captured.span.bytes)
  }

  private static func nextQuoteOrBackslash(_ bytes: RawSpan, _ start: Int) -> Int {
    let ones: UInt64 = 0x0101_0101_0101_0101
    var offset = start
    while offset + 8 <= bytes.byteCount {
      let word = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
      let quote = word ^ (ones &* 0x22)
      let backslash = word ^ (ones &* 0x5C)
      let found =
        (((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)) & 0x8080_8080_8080_8080
      if found != 0 { return offset + (found.trailingZeroBitCount >> 3) }
      offset += 8
    }
    while offset < bytes.byteCount {
      let byte = unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return offset }
      offset += 1
    }
    return offset
  }
}
