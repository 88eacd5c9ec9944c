import EPPCore

/// Prompts of completions and embeddings: a text, several texts, token ids, several lists of token ids.
extension CanonicalPrompt {
  /// Reads an input in any of the four forms; each text or list is a prompt of its own, and empty ones are none. A
  /// fault is what is wrong although it is JSON.
  mutating func appendInput(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) -> PromptFault? {
    switch try cursor.peek(body) {
    case .string:
      appendText(try cursor.readString(body), body)
      return prompts.isEmpty ? .empty : nil
    case .array:
      if let fault = try appendInputs(&cursor, body) { return fault }
      return prompts.isEmpty ? .empty : nil
    default:
      try cursor.skipValue(body)
      return .notInput
    }
  }

  /// Reads a string, the only form of an image's prompt.
  mutating func appendString(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) -> PromptFault? {
    guard try cursor.peek(body) == .string else {
      try cursor.skipValue(body)
      return .notText
    }
    appendText(try cursor.readString(body), body)
    return prompts.isEmpty ? .empty : nil
  }

  private mutating func appendText(_ text: JSONText, _ body: RawSpan) {
    let start = bytes.count
    text.append(from: body, to: &bytes)
    guard bytes.count > start else { return }
    prompts.append(start..<bytes.count)
    segmentEnds.append(bytes.count)
  }

  /// The elements of the list: all of one kind.
  private mutating func appendInputs(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) -> PromptFault? {
    var fault: PromptFault?
    var kind: JSONCursor.Kind?
    try cursor.open(body, .array)
    var isFirst = true
    while try cursor.nextElement(body, isFirst: &isFirst) {
      let found = try cursor.peek(body)
      if let kind, kind != found { fault = fault ?? .mixedInput }
      kind = found
      switch found {
      case .number:
        if try !appendTokenID(&cursor, body) { fault = fault ?? .badTokenID }
      case .string:
        appendText(try cursor.readString(body), body)
      case .array:
        if let inner = try appendTokenIDs(&cursor, body) { fault = fault ?? inner }
      default:
        try cursor.skipValue(body)
        fault = fault ?? .notInput
      }
    }
    if kind == .number, !tokens.isEmpty { prompts.append(0..<tokens.count) }
    return fault
  }

  private mutating func appendTokenIDs(
    _ cursor: inout JSONCursor, _ body: RawSpan
  ) throws(JSONError) -> PromptFault? {
    var fault: PromptFault?
    let start = tokens.count
    try cursor.open(body, .array)
    var isFirst = true
    while try cursor.nextElement(body, isFirst: &isFirst) {
      if try cursor.peek(body) == .number {
        if try !appendTokenID(&cursor, body) { fault = fault ?? .badTokenID }
      } else {
        try cursor.skipValue(body)
        fault = fault ?? .notInput
      }
    }
    if tokens.count > start { prompts.append(start..<tokens.count) }
    return fault
  }

  /// Reads a token id and those that follow it in plain form; whether it was one.
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
