import EPPCore

/// Messages of chats, in canonical form.
extension CanonicalPrompt {
  /// Reads an array of messages; how many there were.
  mutating func appendMessages(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) -> Int {
    try cursor.open(body, .array)
    var isFirst = true
    var count = 0
    while try cursor.nextElement(body, isFirst: &isFirst) {
      if try cursor.peek(body) == .object {
        try appendMessage(&cursor, body)
      } else {
        // Not a message of any API: the engine will say so. It counts as its text.
        let range = try cursor.skipValue(body)
        bytes.append(PromptMark.message)
        appendRaw(range, body)
      }
      segmentEnds.append(bytes.count)
      count += 1
    }
    return count
  }

  private mutating func appendMessage(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) {
    var role: JSONText?
    var content: Range<Int>?
    var others: [Range<Int>] = []
    try cursor.open(body, .object)
    var isFirst = true
    while let key = try cursor.nextMember(body, isFirst: &isFirst) {
      if key.equals("role", in: body), try cursor.peek(body) == .string {
        role = try cursor.readString(body)
      } else if key.equals("content", in: body) {
        content = try cursor.skipValue(body)
      } else {
        // Tool calls, names, reasoning: their JSON as it stands, behind the key.
        let value = try cursor.skipValue(body)
        others.append(key.quotedRange.lowerBound..<value.upperBound)
      }
    }
    bytes.append(PromptMark.message)
    role?.append(from: body, to: &bytes)
    bytes.append(PromptMark.content)
    if let content { try appendContent(content, body) }
    for range in others {
      bytes.append(PromptMark.part)
      appendRaw(range, body)
    }
  }

  /// A string, or a list of parts; anything else as its JSON.
  mutating func appendContent(_ range: Range<Int>, _ body: RawSpan) throws(JSONError) {
    var cursor = JSONCursor(range)
    switch try cursor.peek(body) {
    case .string:
      try cursor.readString(body).append(from: body, to: &bytes)
    case .array:
      try cursor.open(body, .array)
      var isFirst = true
      while try cursor.nextElement(body, isFirst: &isFirst) { try appendPart(&cursor, body) }
    case .null:
      break
    default:
      appendRaw(range, body)
    }
  }

  /// A part's text; what is not text as a digest, since an image of a megabyte is no prefix of anything.
  private mutating func appendPart(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) {
    let range = try cursor.skipValue(body)
    var part = JSONCursor(range)
    switch try part.peek(body) {
    case .string:
      try part.readString(body).append(from: body, to: &bytes)
      return
    case .object:
      var text: JSONText?
      try part.open(body, .object)
      var isFirst = true
      while let key = try part.nextMember(body, isFirst: &isFirst) {
        if key.equals("text", in: body), try part.peek(body) == .string {
          text = try part.readString(body)
        } else {
          try part.skipValue(body)
        }
      }
      if let text {
        text.append(from: body, to: &bytes)
        return
      }
    default:
      break
    }
    bytes.append(PromptMark.part)
    appendDigest(of: range, body)
  }

  mutating func appendRaw(_ range: Range<Int>, _ body: RawSpan) {
    unsafe body.extracting(range).withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
  }

  /// 16 bytes that stand for many: two chained products over 8-byte words. Keys are seeded later, so this needs no
  /// secret: whoever finds two images with one digest confuses only their own cache entries with each other.
  private mutating func appendDigest(of range: Range<Int>, _ body: RawSpan) {
    var first: UInt64 = 0x243F_6A88_85A3_08D3
    var second: UInt64 = 0x1319_8A2E_0370_7344 ^ UInt64(range.count)
    var offset = range.lowerBound
    while offset < range.upperBound {
      var word: UInt64 = 0
      if offset + 8 <= range.upperBound {
        word = unsafe body.unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
      } else {
        for index in offset..<range.upperBound {
          word = word << 8 | UInt64(unsafe body.unsafeLoad(fromByteOffset: index, as: UInt8.self))
        }
      }
      let one = (first ^ word).multipliedFullWidth(by: 0x9E37_79B9_7F4A_7C15)
      let two = (second ^ word).multipliedFullWidth(by: 0xC2B2_AE3D_27D4_EB4F)
      first = one.high ^ one.low ^ second
      second = two.high &+ two.low ^ word
      offset += 8
    }
    for value in [first, second] {
      for shift in UInt64(0)..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * shift))) }
    }
  }
}
