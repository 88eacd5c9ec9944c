import EPPCore

/// Reads the `usage` object of the APIs, with all its names of members.
enum UsageObject {
  /// Reads a usage object; nil when the bytes are no object, or when it has no known count.
  static func read(_ bytes: RawSpan) -> TokenUsage? {
    var cursor = JSONCursor(bytes)
    do {
      guard try cursor.peek(bytes) == .object else { return nil }
      var usage = TokenUsage()
      try cursor.open(bytes, .object)
      var isFirst = true
      while let key = try cursor.nextMember(bytes, isFirst: &isFirst) { try read(key, &cursor, bytes, &usage) }
      return usage == TokenUsage() ? nil : usage
    } catch {
      return nil
    }
  }

  private static func read(
    _ key: JSONText, _ cursor: inout JSONCursor, _ bytes: RawSpan, _ usage: inout TokenUsage
  ) throws(JSONError) {
    if key.equals("prompt_tokens", in: bytes) || key.equals("input_tokens", in: bytes) {
      usage.promptTokens = try count(&cursor, bytes)
    } else if key.equals("completion_tokens", in: bytes) || key.equals("output_tokens", in: bytes) {
      usage.completionTokens = try count(&cursor, bytes)
    } else if key.equals("cache_read_input_tokens", in: bytes) {
      usage.cachedTokens = try count(&cursor, bytes) ?? usage.cachedTokens
    } else if key.equals("prompt_tokens_details", in: bytes) || key.equals("input_tokens_details", in: bytes) {
      usage.cachedTokens = try cachedTokens(&cursor, bytes) ?? usage.cachedTokens
    } else {
      try cursor.skipValue(bytes)
    }
  }

  private static func cachedTokens(_ cursor: inout JSONCursor, _ bytes: RawSpan) throws(JSONError) -> Int? {
    guard try cursor.peek(bytes) == .object else {
      try cursor.skipValue(bytes)
      return nil
    }
    var cached: Int?
    try cursor.open(bytes, .object)
    var isFirst = true
    while let key = try cursor.nextMember(bytes, isFirst: &isFirst) {
      if key.equals("cached_tokens", in: bytes) {
        cached = try count(&cursor, bytes)
      } else {
        try cursor.skipValue(bytes)
      }
    }
    return cached
  }

  private static func count(_ cursor: inout JSONCursor, _ bytes: RawSpan) throws(JSONError) -> Int? {
    guard try cursor.peek(bytes) == .number else {
      try cursor.skipValue(bytes)
      return nil
    }
    let number = try cursor.readNumber(bytes)
    if let integer = number.integer { return Int(exactly: integer) }
    // Some servers write whole numbers as 10.0.
    let text = unsafe bytes.extracting(number.range).withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    return Double(text).flatMap { Int(exactly: $0) }.flatMap { $0 >= 0 ? $0 : nil }
  }
}
