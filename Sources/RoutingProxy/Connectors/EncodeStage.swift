import EPPCore
package import EPPRequests

/// How encode engines hand what they have made of images, sounds and films to the engine that computes the prompt.
package enum EncodeConnectorKind: String, CaseIterable, Sendable {
  /// The engines share a storage; the answer to the encode request says nothing.
  case example = "ec-example"
  /// The answer's `ec_transfer_params` say where each item is, and become those of the following request.
  case nixl = "ec-nixl"
}

/// The media of a chat, each of which an encode engine works on before the prompt is computed. A value: an event in, actions out.
package struct EncodeStage {
  /// A request to an encode engine.
  package struct Ask: Equatable, Sendable {
    /// The position of the item among those of the chat.
    package var item: Int
    /// The position of the engine among those that were given.
    package var engine: Int
    package var body: [UInt8]
  }

  /// What follows an answer.
  package enum Step: Equatable, Sendable {
    /// Send this as well.
    case ask(Ask)
    /// Other answers are still to come.
    case wait
    /// All items have been tried: `encodedBody` is the client's body for the engine that computes the prompt.
    case complete
  }

  /// Why a chat is not worked on.
  package enum Problem: Error, Equatable {
    /// The body is no JSON object, or has no messages.
    case json(JSONError)
    /// It has more items than `maximumItems`.
    case tooManyItems
  }

  /// Items at most of a chat: more than an engine takes by default (999 of a kind, vLLM's `limit_mm_per_prompt`).
  package static let maximumItems = 1024
  /// Requests at a time for one chat. Each repeats what the chat has besides its messages, so they bound memory.
  package static let maximumOpen = 8

  private let connector: EncodeConnectorKind
  private let body: [UInt8]
  private let edit: JSONObjectEdit
  /// The chat as one that computes its prompt alone.
  private let limited: JSONObjectEdit
  private let items: [Range<Int>]
  private let engines: Int
  /// Items whose requests have been made.
  private var asked = 0
  private var open = 0
  private var failed = 0
  private var parameters = JSONObjectEdit()

  private static let parametersName = "ec_transfer_params"
  /// Types of content that an encoder works on.
  private static let types: Set = ["image_url", "audio_url", "video_url", "input_audio"]

  /// Reads the media of a chat; nil when it has none. The same URL is encoded once.
  ///
  /// - Parameter engines: How many engines there are, at least 1, which get the items in turn.
  package init?(_ body: [UInt8], _ connector: EncodeConnectorKind, engines: Int) throws(Problem) {
    let edit: JSONObjectEdit
    var limited: JSONObjectEdit
    do {
      edit = try unsafe JSONObjectEdit(body.span.bytes)
      limited = edit
      try unsafe limited.limitToPrompt(.chatCompletions, body.span.bytes)
    } catch {
      throw .json(error)
    }
    guard let messages = edit.value("messages") else { return nil }
    let items = (try? unsafe Self.items(body.span.bytes, messages)) ?? []
    if items.isEmpty { return nil }
    guard items.count <= Self.maximumItems else { throw .tooManyItems }
    self.body = body
    self.edit = edit
    self.limited = limited
    self.connector = connector
    self.items = items
    self.engines = engines
  }

  /// The first requests to engines, one for each item; the others follow answers.
  package mutating func start() -> [Ask] { (0..<min(items.count, Self.maximumOpen)).map { _ in ask() } }

  /// An engine's answer is complete, or will not come.
  ///
  /// - Parameter answer: The body of a successful answer; nil for all others.
  package mutating func ended(_ answer: RawSpan?) -> Step {
    open -= 1
    if let answer { take(answer) } else { failed += 1 }
    if asked < items.count { return .ask(ask()) }
    return open == 0 ? .complete : .wait
  }

  private mutating func ask() -> Ask {
    defer {
      asked += 1
      open += 1
    }
    var written = limited
    written.set("messages", json: #"[{"role":"user","content":["#.utf8 + body[items[asked]] + "]}]".utf8)
    return Ask(item: asked, engine: asked % engines, body: unsafe written.bytes(body.span.bytes))
  }

  private mutating func take(_ answer: RawSpan) {
    if connector == .nixl, let object = try? JSONObjectEdit(answer), let range = object.value(Self.parametersName),
      let found = try? JSONObjectEdit(answer, in: range)
    {
      for name in found.names {
        guard let value = found.value(name) else { continue }
        unsafe answer.extracting(value).withUnsafeBytes { unsafe parameters.set(name, json: $0) }
      }
    }
  }

  /// Items that no engine has encoded; the engine that computes the prompt does.
  package var failures: Int { failed }

  /// The client's body for the engine that computes the prompt.
  package var encodedBody: [UInt8] {
    guard !parameters.names.isEmpty else { return body }
    var written = edit
    written.set(Self.parametersName, parameters, RawSpan())
    return unsafe written.bytes(body.span.bytes)
  }

  // MARK: - Media

  private static func items(_ body: RawSpan, _ messages: Range<Int>) throws(JSONError) -> [Range<Int>] {
    var items: [Range<Int>] = []
    var urls: Set<String> = []
    var cursor = JSONCursor(messages)
    try cursor.open(body, .array)
    var isFirst = true
    while try cursor.nextElement(body, isFirst: &isFirst) {
      let message = try cursor.skipValue(body)
      guard let content = (try? JSONObjectEdit(body, in: message))?.value("content") else { continue }
      var parts = JSONCursor(content)
      guard try parts.peek(body) == .array else { continue }
      try parts.open(body, .array)
      var isFirstPart = true
      while try parts.nextElement(body, isFirst: &isFirstPart) {
        let range = try parts.skipValue(body)
        guard let part = try? JSONObjectEdit(body, in: range), let type = string(body, part.value("type")),
          types.contains(type)
        else { continue }
        let source = part.value(type).flatMap { try? JSONObjectEdit(body, in: $0) }
        if let url = string(body, source?.value("url")), !urls.insert(url).inserted { continue }
        items.append(range)
      }
    }
    return items
  }

  /// The text of a value; nil when it is none.
  private static func string(_ body: RawSpan, _ range: Range<Int>?) -> String? {
    guard let range else { return nil }
    var cursor = JSONCursor(range)
    guard (try? cursor.peek(body)) == .string else { return nil }
    return (try? cursor.readString(body))?.string(in: body)
  }
}
