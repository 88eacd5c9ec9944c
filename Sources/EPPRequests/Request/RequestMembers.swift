import EPPCore

/// What a request's top-level members say, gathered in one pass; the prompt's text goes straight to its place.
///
/// Of members with the same name the last counts, faults included: so engines read it, and so no request means one
/// thing here and another there.
struct RequestMembers {
  enum Model {
    case missing
    case notText
    case text(JSONText)
  }

  enum Prompt {
    /// There is none.
    case missing
    /// It is empty, or in a form that is not known here.
    case unknown
    case read
  }

  private(set) var isObject = true
  private(set) var model = Model.missing
  private(set) var prompt = Prompt.missing
  private(set) var cacheSalt: JSONText?
  /// What stands before the messages wherever the client wrote it.
  private(set) var tools: Range<Int>?
  private(set) var system: Range<Int>?
  private var hasPromptLogprobs = false
  private var hasLogprobs = false
  private var isEchoed = false
  /// Answers to one prompt.
  private(set) var choices = 1
  /// Seeded anew in each process, so that nobody can tell which names come out alike.
  private var nameHasher = Hasher()

  /// A hash of all members' names in their order.
  var names: Int { nameHasher.finalize() }

  /// Whether vLLM computes the whole prompt anew: it has to where probabilities of the prompt's own tokens are asked for,
  /// which an echo does too, in a completion with `logprobs`, in a chat with or without.
  func readsNoCache(_ api: InferenceAPI) -> Bool {
    hasPromptLogprobs || isEchoed && (hasLogprobs || api == .chatCompletions)
  }

  /// Reads all of the body and fills `text` with the prompt, without tools and system.
  init(_ api: InferenceAPI, _ body: RawSpan, _ text: inout CanonicalPrompt) throws(JSONError) {
    var cursor = JSONCursor(body)
    if try cursor.peek(body) == .object {
      try cursor.open(body, .object)
      var isFirst = true
      while let key = try cursor.nextMember(body, isFirst: &isFirst) {
        unsafe body.extracting(key.quotedRange).withUnsafeBytes { unsafe nameHasher.combine(bytes: $0) }
        try read(key, api, &cursor, body, &text)
      }
    } else {
      isObject = false
      try cursor.skipValue(body)
    }
    try cursor.finish(body)
  }

  private mutating func read(
    _ key: JSONText, _ api: InferenceAPI, _ cursor: inout JSONCursor, _ body: RawSpan, _ text: inout CanonicalPrompt
  ) throws(JSONError) {
    let kind = try cursor.peek(body)
    switch RequestMember(key, body, api) {
    case .model:
      if kind == .string {
        model = .text(try cursor.readString(body))
      } else {
        try cursor.skipValue(body)
        model = .notText
      }
    case .prompt(let form):
      text.removeAll()
      if kind == .null {
        try cursor.skipValue(body)
        prompt = .missing
      } else {
        prompt = try Self.readPrompt(form, &cursor, body, &text) ? .read : .unknown
      }
    case .tools:
      tools = Self.unlessNull(kind, try cursor.skipValue(body))
    case .system:
      system = Self.unlessNull(kind, try cursor.skipValue(body))
    case .cacheSalt:
      cacheSalt = nil
      if kind == .string { cacheSalt = try cursor.readString(body) } else { try cursor.skipValue(body) }
    case .promptLogprobs:
      hasPromptLogprobs = Self.unlessNull(kind, try cursor.skipValue(body)) != nil
    case .logprobs:
      hasLogprobs = Self.unlessNull(kind, try cursor.skipValue(body)) != nil
    case .echo:
      isEchoed = false
      if kind == .boolean { isEchoed = try cursor.readBoolean(body) } else { try cursor.skipValue(body) }
    case .choices:
      choices = try Self.integer(kind, &cursor, body).flatMap { Int(exactly: $0) } ?? 1
    case nil:
      try cursor.skipValue(body)
    }
  }

  private static func unlessNull(_ kind: JSONCursor.Kind, _ range: Range<Int>) -> Range<Int>? {
    kind == .null ? nil : range
  }

  private static func integer(
    _ kind: JSONCursor.Kind, _ cursor: inout JSONCursor, _ body: RawSpan
  ) throws(JSONError) -> UInt64? {
    if kind == .number { return try cursor.readNumber(body).integer }
    try cursor.skipValue(body)
    return nil
  }

  /// Whether it is in a form that is known, and not empty.
  private static func readPrompt(
    _ form: RequestMember.PromptForm, _ cursor: inout JSONCursor, _ body: RawSpan, _ text: inout CanonicalPrompt
  ) throws(JSONError) -> Bool {
    switch form {
    case .messages:
      return try text.appendMessages(&cursor, body)
    case .textOrMessages:
      guard try cursor.peek(body) == .string else { return try text.appendMessages(&cursor, body) }
      let input = try cursor.readString(body)
      if input.range.isEmpty { return false }
      text.appendUserText(input, body)
      return true
    case .text:
      return try text.appendString(&cursor, body)
    case .input:
      return try text.appendInput(&cursor, body)
    }
  }
}
