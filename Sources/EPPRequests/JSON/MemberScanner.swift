/// Finds one member of a JSON object while the text is streamed in pieces. Tracks brackets, strings and the keys of the upper
/// levels, and keeps no text.
///
/// Does not check the syntax: in invalid JSON it may find anything or nothing. Keys are compared without unescaping; no engine
/// escapes its own keys.
struct MemberScanner: Sendable {
  /// The key to find: up to eight letters as a word, the last letter lowest.
  enum Name: UInt64 {
    case usage = 0x75_7361_6765
    case model = 0x6D_6F64_656C
  }

  /// A boundary of the member's value.
  enum Event: Equatable {
    /// The offset of the value's first byte.
    case began(Int)
    /// The offset after the value's last byte.
    case ended(Int)
  }

  private enum Place {
    case structure
    case text
    case textEscape
    case key
    case keyEscape
  }

  private enum Value: Equatable {
    case absent
    /// The colon has been read, and no byte of the value yet.
    case expected
    case string
    case scalar
    /// Ends with the bracket that brings the depth back to the associated value.
    case container(Int)
  }

  private enum Role {
    case other
    case wanted
    case parent
  }

  private static let response: UInt64 = 0x7265_7370_6F6E_7365
  private static let message: UInt64 = 0x6D_6573_7361_6765

  private let name: Name
  /// Whether members of the top-level objects `response` (Responses API) and `message` (Anthropic) count too.
  private let looksInside: Bool
  private var place = Place.structure
  private var value = Value.absent
  private var role = Role.other
  private var depth = 0
  private var expectsKey = false
  private var isTopObject = false
  private var isParentNext = false
  private var isInParent = false
  private var keyWord: UInt64 = 0
  private var keyLength = 0
  /// Whether the top-level value has ended.
  private(set) var isComplete = false

  /// Whether the text may continue in another line: the top-level value has not ended, and no string is open, because strings
  /// cannot contain line breaks.
  var goesOnInNextLine: Bool { !isComplete && place == .structure }

  /// - Parameters:
  ///   - name: the key to find.
  ///   - looksInside: whether members of the top-level objects `response` and `message` count too.
  init(_ name: Name, looksInside: Bool) {
    self.name = name
    self.looksInside = looksInside
  }

  /// Advances `offset` to the next event in `offset..<end`, which has to be inside of `bytes`; nil when there is none.
  mutating func next(_ bytes: RawSpan, _ offset: inout Int, _ end: Int) -> Event? {
    while offset < end {
      switch place {
      case .structure:
        if let event = structure(ByteWord.byte(bytes, offset), &offset) { return event }
      case .text:
        // Most of an answer is text: pass it quickly.
        offset = ByteWord.firstQuoteOrBackslash(bytes, offset, end)
        guard offset < end else { return nil }
        let isEscape = ByteWord.byte(bytes, offset) == UInt8(ascii: "\\")
        offset += 1
        place = isEscape ? .textEscape : .structure
        if !isEscape, value == .string {
          value = .absent
          return .ended(offset)
        }
      case .textEscape:
        offset += 1
        place = .text
      case .key:
        key(ByteWord.byte(bytes, offset))
        offset += 1
      case .keyEscape:
        offset += 1
        place = .key
      }
    }
    return nil
  }

  private mutating func key(_ byte: UInt8) {
    switch byte {
    case UInt8(ascii: "\""):
      place = .structure
      role = .other
      guard keyLength <= 8 else { return }
      if keyWord == name.rawValue {
        role = .wanted
      } else if looksInside, keyWord == Self.response || keyWord == Self.message {
        role = .parent
      }
    case UInt8(ascii: "\\"):
      place = .keyEscape
      keyLength = 9
    default:
      keyWord = keyWord << 8 | UInt64(byte)
      keyLength = min(9, keyLength + 1)
    }
  }

  private mutating func structure(_ byte: UInt8, _ offset: inout Int) -> Event? {
    let isWhiteSpace = byte <= 0x20
    switch value {
    case .expected where !isWhiteSpace:
      value = kind(of: byte)
      return .began(offset)
    case .scalar
    where isWhiteSpace || byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]"):
      value = .absent
      return .ended(offset)
    default: break
    }
    offset += 1
    if isWhiteSpace { return nil }
    let opensParent = isParentNext
    isParentNext = false
    switch byte {
    case UInt8(ascii: "\""):
      place = expectsKey ? .key : .text
      expectsKey = false
      (keyWord, keyLength) = (0, 0)
    case UInt8(ascii: ":"):
      if role == .wanted { value = .expected }
      isParentNext = role == .parent
      role = .other
    case UInt8(ascii: ","):
      expectsKey = depth == 1 && isTopObject || depth == 2 && isInParent
    case UInt8(ascii: "{"):
      depth += 1
      if depth == 1 { isTopObject = true }
      if depth == 2 { isInParent = opensParent }
      expectsKey = depth == 1 || depth == 2 && opensParent
    case UInt8(ascii: "["):
      depth += 1
      if depth == 1 { isTopObject = false }
      if depth == 2 { isInParent = false }
      expectsKey = false
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      return close(offset)
    default: break
    }
    return nil
  }

  private mutating func close(_ offset: Int) -> Event? {
    expectsKey = false
    depth = max(0, depth - 1)
    if depth == 0 { isComplete = true }
    guard value == .container(depth) else { return nil }
    value = .absent
    return .ended(offset)
  }

  private func kind(of byte: UInt8) -> Value {
    switch byte {
    case UInt8(ascii: "\""): .string
    case UInt8(ascii: "{"), UInt8(ascii: "["): .container(depth)
    default: .scalar
    }
  }
}
