import EPPCore

/// The top-level members of a request, read in one pass; the prompt's text is appended directly to the canonical prompt.
///
/// Of members with equal names the last one counts, even if it is faulty, as in engines: so a request has one meaning
/// everywhere.
struct RequestMembers {
  /// The value of `model`.
  enum Model {
    case missing
    case notText
    case text(JSONText)
  }

  /// The state of the prompt.
  enum Prompt {
    /// There is none.
    case missing
    /// It is empty, or in a form that is not known here.
    case unknown
    case read
  }

  /// Whether the body is a JSON object.
  private(set) var isObject = true
  /// The model's name.
  private(set) var model = Model.missing
  /// Whether the prompt was read.
  private(set) var prompt = Prompt.missing
  /// vLLM's `cache_salt`; nil when it is missing or no string.
  private(set) var cacheSalt: JSONText?
  /// The byte range of the tools. They are hashed before the messages, wherever the client wrote them.
  private(set) var tools: Range<Int>?
  /// The byte range of the system text or the instructions, hashed before the messages.
  private(set) var system: Range<Int>?
  private var hasPromptLogprobs = false
  private var hasLogprobs = false
  private var isEchoed = false
  /// Completions per prompt (`n`).
  private(set) var choices = 1
  /// Hasher of the members' names. Seeded per process, so that clients cannot construct collisions.
  private var nameHasher = Hasher()

  /// A hash of all members' names in their order.
  var names: Int { nameHasher.finalize() }

  /// Whether vLLM computes the whole prompt anew: it has to when log probabilities of the prompt's tokens are asked for. `echo`
  /// does so too: in a completion with `logprobs`, in a chat with or without.
  func readsNoCache(_ api: InferenceAPI) -> Bool {
    hasPromptLogprobs || isEchoed && (hasLogprobs || api == .chatCompletions)
  }

  /// Reads the whole body and fills `text` with the prompt, without tools and system text.
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

  /// Reads the prompt; false when its form is unknown or it is empty.
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
