import EPPCore

/// Prompts of completions and embeddings: a text, several texts, token ids, several lists of token ids.
extension CanonicalPrompt {
  /// Reads an input in any of the four forms. Each text or list becomes a prompt of its own; empty ones are left out.
  ///
  /// - Returns: false when the input has another form or is empty.
  mutating func appendInput(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) -> Bool {
    switch try cursor.peek(body) {
    case .string:
      appendText(try cursor.readString(body), body)
      return !prompts.isEmpty
    case .array:
      return try appendInputs(&cursor, body) && !prompts.isEmpty
    default:
      try cursor.skipValue(body)
      return false
    }
  }

  /// Reads a string, the only form of an image's prompt.
  ///
  /// - Returns: false when the value has another form or is empty.
  mutating func appendString(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) -> Bool {
    guard try cursor.peek(body) == .string else {
      try cursor.skipValue(body)
      return false
    }
    appendText(try cursor.readString(body), body)
    return !prompts.isEmpty
  }

  private mutating func appendText(_ text: JSONText, _ body: RawSpan) {
    let start = bytes.count
    text.append(from: body, to: &bytes)
    guard bytes.count > start else { return }
    prompts.append(start..<bytes.count)
  }

  /// Reads the elements of a list; false unless all are of one kind.
  private mutating func appendInputs(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) -> Bool {
    var isKnown = true
    var kind: JSONCursor.Kind?
    try cursor.open(body, .array)
    var isFirst = true
    while try cursor.nextElement(body, isFirst: &isFirst) {
      let found = try cursor.peek(body)
      if let kind, kind != found { isKnown = false }
      kind = found
      switch found {
      case .number:
        if try !appendTokenID(&cursor, body) { isKnown = false }
      case .string:
        appendText(try cursor.readString(body), body)
      case .array:
        if try !appendTokenIDs(&cursor, body) { isKnown = false }
      default:
        try cursor.skipValue(body)
        isKnown = false
      }
    }
    if kind == .number, !tokens.isEmpty { prompts.append(0..<tokens.count) }
    return isKnown
  }

  private mutating func appendTokenIDs(
    _ cursor: inout JSONCursor, _ body: RawSpan
  ) throws(JSONError) -> Bool {
    var isKnown = true
    let start = tokens.count
    try cursor.open(body, .array)
    var isFirst = true
    while try cursor.nextElement(body, isFirst: &isFirst) {
      if try cursor.peek(body) == .number {
        if try !appendTokenID(&cursor, body) { isKnown = false }
      } else {
        try cursor.skipValue(body)
        isKnown = false
      }
    }
    if tokens.count > start { prompts.append(start..<tokens.count) }
    return isKnown
  }

  /// Reads a token id and those that follow it in plain form; false when the number is not a token id.
  @inline(__always)
  private mutating func appendTokenID(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) -> Bool {
    guard let integer = try cursor.readNumber(body).integer, let token = UInt32(exactly: integer) else {
      return false
    }
    tokens.append(token)
    cursor.readFurtherIntegers(body, into: &tokens)
    return true
  }
}
