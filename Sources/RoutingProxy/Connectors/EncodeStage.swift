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
    /// The position of the engine among those that were given.
    package var engine: Int
    package var body: [UInt8]
  }

  private let connector: EncodeConnectorKind
  private let body: [UInt8]
  private let edit: JSONObjectEdit
  private let items: [Range<Int>]
  private var open: Int
  private var failed = 0
  private var parameters = JSONObjectEdit()

  private static let parametersName = "ec_transfer_params"
  /// Types of content that an encoder works on.
  private static let types: Set = ["image_url", "audio_url", "video_url", "input_audio"]

  /// Reads the media of a chat; nil when it has none.
  ///
  /// - Throws: When the body is no JSON object.
  package init?(_ body: [UInt8], _ connector: EncodeConnectorKind) throws(JSONError) {
    let edit = try unsafe JSONObjectEdit(body.span.bytes)
    guard let messages = edit.value("messages") else { return nil }
    let items = (try? unsafe Self.items(body.span.bytes, messages)) ?? []
    if items.isEmpty { return nil }
    self.body = body
    self.edit = edit
    self.connector = connector
    self.items = items
    open = items.count
  }

  /// The requests to engines, one for each item, in turn. The same URL is encoded once.
  ///
  /// - Parameter engines: How many engines there are, at least 1.
  /// - Throws: When the body cannot be changed.
  package func asks(engines: Int) throws(JSONError) -> [Ask] {
    var asks: [Ask] = []
    for (index, item) in items.enumerated() {
      var written = edit
      written.set("messages", json: #"[{"role":"user","content":["#.utf8 + body[item] + "]}]".utf8)
      try unsafe written.limitToPrompt(.chatCompletions, body.span.bytes)
      asks.append(Ask(engine: index % engines, body: unsafe written.bytes(body.span.bytes)))
    }
    return asks
  }

  /// An engine's answer is complete, or will not come. Returns whether it was the last one.
  ///
  /// - Parameter answer: The body of a successful answer; nil for all others.
  package mutating func ended(_ answer: RawSpan?) -> Bool {
    open -= 1
    guard let answer else {
      failed += 1
      return open == 0
    }
    if connector == .nixl, let object = try? JSONObjectEdit(answer), let range = object.value(Self.parametersName),
      let found = try? JSONObjectEdit(answer, in: range)
    {
      for name in found.names {
        guard let value = found.value(name) else { continue }
        unsafe answer.extracting(value).withUnsafeBytes { unsafe parameters.set(name, json: $0) }
      }
    }
    return open == 0
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
