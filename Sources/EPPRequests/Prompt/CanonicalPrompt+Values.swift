import EPPCore

/// JSON values inside of a prompt: tools, tool calls, images.
extension CanonicalPrompt {
  /// Appends a value that has been checked: no white space, strings unescaped, members in the client's order, in which chat
  /// templates print them.
  ///
  /// - Parameter isMedium: whether the value is part of a non-text content; long strings in it are data, whatever their names.
  mutating func appendValue(
    _ cursor: inout JSONCursor, _ body: RawSpan, isMedium: Bool = false
  ) throws(JSONError) {
    switch try cursor.peek(body) {
    case .string:
      let text = try cursor.readString(body)
      if isMedium, text.range.count > Self.longestNameInMedium {
        appendDigest(of: text, body)
      } else {
        appendQuoted(text, body)
      }
    case .object:
      try cursor.open(body, .object)
      bytes.append(UInt8(ascii: "{"))
      var isFirst = true
      while let key = try cursor.nextMember(body, isFirst: &isFirst) {
        try appendMember(key, &cursor, body, isMedium: isMedium)
      }
      bytes.append(UInt8(ascii: "}"))
    case .array:
      try cursor.open(body, .array)
      bytes.append(UInt8(ascii: "["))
      var isFirst = true
      while true {
        let isLater = !isFirst
        guard try cursor.nextElement(body, isFirst: &isFirst) else { break }
        if isLater { bytes.append(UInt8(ascii: ",")) }
        try appendValue(&cursor, body, isMedium: isMedium)
      }
      bytes.append(UInt8(ascii: "]"))
    case .number, .boolean, .null:
      let range = try cursor.skipValue(body)
      unsafe body.extracting(range).withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
    }
  }

  private mutating func appendMember(
    _ key: JSONText, _ cursor: inout JSONCursor, _ body: RawSpan, isMedium: Bool
  ) throws(JSONError) {
    if Self.isLeftOut(key, body) {
      try cursor.skipValue(body)
      return
    }
    appendQuoted(key, body)
    if Self.holdsData(key, body), try cursor.peek(body) == .string {
      appendDigest(of: try cursor.readString(body), body)
    } else {
      try appendValue(&cursor, body, isMedium: isMedium)
    }
  }

  /// Bytes; longer strings in an image or other media are data, not names of formats, sizes or files.
  private static let longestNameInMedium = 256

  /// Whether a member is left out of the prompt. Anthropic's clients move `cache_control` with every turn; the model does not
  /// read it.
  static func isLeftOut(_ key: JSONText, _ body: RawSpan) -> Bool { key.equals("cache_control", in: body) }

  /// Whether a member holds an image, a sound or a film, or its address: base64 of megabytes is replaced by a digest.
  private static func holdsData(_ key: JSONText, _ body: RawSpan) -> Bool {
    key.equals("url", in: body) || key.equals("data", in: body) || key.equals("image_url", in: body)
      || key.equals("video_url", in: body) || key.equals("audio_url", in: body) || key.equals("file_data", in: body)
  }

  private mutating func appendQuoted(_ text: JSONText, _ body: RawSpan) {
    bytes.append(PromptMark.quote)
    text.append(from: body, to: &bytes)
    bytes.append(PromptMark.quote)
  }

  private mutating func appendDigest(of text: JSONText, _ body: RawSpan) {
    hasMedia = true
    let lanes: (UInt64, UInt64)
    if text.hasEscapes {
      let start = bytes.count
      text.append(from: body, to: &bytes)
      lanes = unsafe ContentDigest.lanes(of: bytes.span.bytes.extracting(start..<bytes.count))
      bytes.removeLast(bytes.count - start)
    } else {
      // Base64 has no escapes: the prompt's storage does not grow to an image's size.
      lanes = ContentDigest.lanes(of: body.extracting(text.range))
    }
    bytes.append(PromptMark.digest)
    for lane in [lanes.0, lanes.1] {
      for shift in UInt64(0)..<8 { bytes.append(UInt8(truncatingIfNeeded: lane >> (8 * shift))) }
    }
  }
}
