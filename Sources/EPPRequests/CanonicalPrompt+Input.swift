import EPPCore

/// Prompts of completions and embeddings: a text, several texts, token ids, several lists of token ids.
extension CanonicalPrompt {
  /// Reads a prompt in any of the four forms. Nothing is appended for an empty one.
  mutating func appendInput(
    _ cursor: inout JSONCursor, _ body: RawSpan, field: String
  ) throws(RequestReadError) {
    do {
      switch try cursor.peek(body) {
      case .string:
        try appendText(&cursor, body)
      case .array:
        try cursor.open(body, .array)
        var isFirst = true
        let tokenStart = tokens.count
        while try cursor.nextElement(body, isFirst: &isFirst) {
          switch try cursor.peek(body) {
          case .string: try appendText(&cursor, body)
          case .number: try appendToken(&cursor, body, field)
          case .array: try appendTokens(&cursor, body, field)
          default: throw Rejection.field(field, "has to be text or token ids")
          }
        }
        // A flat list of ids is one prompt; nested lists have entered their own ranges.
        if prompts.isEmpty, tokens.count > tokenStart { prompts.append(tokenStart..<tokens.count) }
      default:
        throw Rejection.field(field, "has to be text or token ids")
      }
    } catch {
      throw RequestReadError(error)
    }
    if !tokens.isEmpty, !bytes.isEmpty {
      throw RequestReadError(Rejection.field(field, "mixes text and token ids"))
    }
  }

  private mutating func appendText(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) {
    let start = bytes.count
    try cursor.readString(body).append(from: body, to: &bytes)
    if bytes.count > start {
      prompts.append(start..<bytes.count)
      segmentEnds.append(bytes.count)
    }
  }

  private mutating func appendTokens(_ cursor: inout JSONCursor, _ body: RawSpan, _ field: String) throws {
    let start = tokens.count
    try cursor.open(body, .array)
    var isFirst = true
    while try cursor.nextElement(body, isFirst: &isFirst) {
      guard try cursor.peek(body) == .number else { throw Rejection.field(field, "has to be text or token ids") }
      try appendToken(&cursor, body, field)
    }
    if tokens.count > start { prompts.append(start..<tokens.count) }
  }

  private mutating func appendToken(_ cursor: inout JSONCursor, _ body: RawSpan, _ field: String) throws {
    guard let integer = try cursor.readNumber(body).integer, let token = UInt32(exactly: integer) else {
      throw Rejection.field(field, "holds a token id that is not a whole number from 0 to 4294967295")
    }
    tokens.append(token)
  }
}

extension Rejection {
  static func field(_ name: String, _ problem: String) -> Rejection {
    Rejection(.badRequest, "'\(name)' \(problem)", field: name)
  }
}

/// What can go wrong in reading a request: the JSON, or what it says.
enum RequestReadError: Error {
  case json(JSONError)
  case rejection(Rejection)

  init(_ error: any Error) {
    switch error {
    case let error as RequestReadError: self = error
    case let error as JSONError: self = .json(error)
    case let error as Rejection: self = .rejection(error)
    default: self = .rejection(Rejection(.internalError, "the request could not be read"))
    }
  }

  var rejection: Rejection {
    switch self {
    case .json(let error):
      Rejection(
        .badRequest, "the request body is not valid JSON: \(error.reason.rawValue) (at byte \(error.offset))")
    case .rejection(let rejection): rejection
    }
  }
}
