import EPPCore

/// Messages of chats and items of conversations, in canonical form.
extension CanonicalPrompt {
  /// Reads an array of messages.
  ///
  /// - Returns: false when the value has another form or is empty.
  mutating func appendMessages(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) -> Bool {
    guard try cursor.peek(body) == .array else {
      try cursor.skipValue(body)
      return false
    }
    var isKnown = true
    var hasMessage = false
    try cursor.open(body, .array)
    var isFirst = true
    while try cursor.nextElement(body, isFirst: &isFirst) {
      if try cursor.peek(body) == .object {
        try appendMessage(&cursor, body)
        hasMessage = true
      } else {
        try cursor.skipValue(body)
        isKnown = false
      }
    }
    return isKnown && hasMessage
  }

  /// Appends a text as one message of the user, for which it is the short form.
  mutating func appendUserText(_ text: JSONText, _ body: RawSpan) {
    bytes.append(PromptMark.message)
    bytes.append(contentsOf: "user".utf8)
    bytes.append(PromptMark.content)
    text.append(from: body, to: &bytes)
  }

  /// Appends the content of a message: a string, or a list of parts. Null appends nothing; anything else is appended as a
  /// value.
  mutating func appendContent(_ range: Range<Int>, _ body: RawSpan) throws(JSONError) {
    var cursor = JSONCursor(range)
    switch try cursor.peek(body) {
    case .string:
      try cursor.readString(body).append(from: body, to: &bytes)
    case .array:
      try cursor.open(body, .array)
      var isFirst = true
      while true {
        let isLater = !isFirst
        guard try cursor.nextElement(body, isFirst: &isFirst) else { return }
        try appendPart(&cursor, body, isLater: isLater)
      }
    case .null:
      return
    default:
      bytes.append(PromptMark.value)
      try appendValue(&cursor, body)
    }
  }

  // MARK: - One message

  private enum Content {
    case absent
    case text(JSONText)
    case value(Range<Int>)
  }

  /// A member of a message besides role and content: tool calls, a tool call id, a name.
  private struct Member {
    var key: JSONText
    var value: Range<Int>
  }

  private mutating func appendMessage(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) {
    var role: JSONText?
    var content = Content.absent
    var others: [Member] = []
    try cursor.open(body, .object)
    var isFirst = true
    while let key = try cursor.nextMember(body, isFirst: &isFirst) {
      let kind = try cursor.peek(body)
      if key.equals("content", in: body) {
        content = kind == .string ? .text(try cursor.readString(body)) : .value(try cursor.skipValue(body))
      } else if key.equals("role", in: body), kind == .string {
        role = try cursor.readString(body)
      } else {
        others.append(Member(key: key, value: try cursor.skipValue(body)))
      }
    }
    bytes.append(PromptMark.message)
    role?.append(from: body, to: &bytes)
    bytes.append(PromptMark.content)
    switch content {
    case .absent: break
    case .text(let text): text.append(from: body, to: &bytes)
    case .value(let range): try appendContent(range, body)
    }
    try appendMembers(&others, body)
  }

  /// Appends members in the order of their names. Of equal names the last one counts; null counts as absent.
  private mutating func appendMembers(_ members: inout [Member], _ body: RawSpan) throws(JSONError) {
    if members.count > 1 {
      members.sort { left, right in
        if left.key.precedes(right.key, in: body) { return true }
        return !right.key.precedes(left.key, in: body) && left.value.lowerBound < right.value.lowerBound
      }
    }
    for (index, member) in members.enumerated() {
      let isReplaced = index + 1 < members.count && !member.key.precedes(members[index + 1].key, in: body)
      if isReplaced || Self.isLeftOut(member.key, body) { continue }
      var cursor = JSONCursor(member.value)
      if try cursor.peek(body) == .null { continue }
      bytes.append(PromptMark.member)
      member.key.append(from: body, to: &bytes)
      bytes.append(PromptMark.value)
      try appendValue(&cursor, body)
    }
  }

  // MARK: - Parts of a content

  /// Appends one part. Text is appended as text, so that a list with one text is equal to the text alone. Anything else is
  /// appended as a value and counts as media: the engine's tokens for embeddings, file ids and unknown kinds of parts cannot be
  /// derived here.
  private mutating func appendPart(
    _ cursor: inout JSONCursor, _ body: RawSpan, isLater: Bool
  ) throws(JSONError) {
    let range = try cursor.skipValue(body)
    if let text = try Self.text(of: range, body) {
      if isLater { bytes.append(PromptMark.text) }
      text.append(from: body, to: &bytes)
    } else {
      hasMedia = true
      var part = JSONCursor(range)
      bytes.append(PromptMark.value)
      let start = bytes.count
      try appendValue(&part, body, isMedium: true)
      try appendItem(from: start, Self.modality(of: range, body))
    }
  }

  /// Adds the part whose canonical form begins at `start` to `media`.
  private mutating func appendItem(from start: Int, _ modality: MediaItem.Modality) {
    let digest = unsafe ContentDigest.lanes(of: bytes.span.bytes.extracting(start..<bytes.count)).0
    media.append(MediaItem(digest: digest, modality: modality))
  }

  /// What a part is, by its member `type`, such as `image_url`, `input_audio` and `video_url`.
  private static func modality(of range: Range<Int>, _ body: RawSpan) throws(JSONError) -> MediaItem.Modality {
    var part = JSONCursor(range)
    guard try part.peek(body) == .object else { return .other }
    var modality = MediaItem.Modality.other
    try part.open(body, .object)
    var isFirst = true
    while let key = try part.nextMember(body, isFirst: &isFirst) {
      guard key.equals("type", in: body), try part.peek(body) == .string else {
        try part.skipValue(body)
        continue
      }
      var name: [UInt8] = []
      try part.readString(body).append(from: body, to: &name)
      let type = String(decoding: name.prefix(longestNameOfType), as: UTF8.self)
      modality = MediaItem.Modality.allCases.first { type.contains($0.rawValue) } ?? .other
    }
    return modality
  }

  /// Bytes; types of parts are shorter.
  private static let longestNameOfType = 32

  /// The text of a part: a string, or an object of the type `text`, `input_text` or `output_text`.
  private static func text(of range: Range<Int>, _ body: RawSpan) throws(JSONError) -> JSONText? {
    var part = JSONCursor(range)
    switch try part.peek(body) {
    case .string:
      return try part.readString(body)
    case .object:
      break
    default:
      return nil
    }
    var text: JSONText?
    var isText = true
    try part.open(body, .object)
    var isFirst = true
    while let key = try part.nextMember(body, isFirst: &isFirst) {
      if key.equals("text", in: body) {
        text = nil
        if try part.peek(body) == .string { text = try part.readString(body) } else { try part.skipValue(body) }
      } else if key.equals("type", in: body), try part.peek(body) == .string {
        let type = try part.readString(body)
        isText =
          type.equals("text", in: body) || type.equals("input_text", in: body) || type.equals("output_text", in: body)
      } else {
        try part.skipValue(body)
      }
    }
    return isText ? text : nil
  }
}
