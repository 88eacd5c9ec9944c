import NIOCore

/// A chat whose beginning has been rendered before: what is known of it, and how to ask for the rest alone.
///
/// Tokens of messages do not run into each other where the template puts special tokens between them. Then, with A the
/// tokens of a short message alone, G those that ask for the answer, and the rest rendered behind that short message:
/// tokens(all) = tokens(beginning) without G, followed by tokens(short message, rest) without A.
struct GrownConversation: Sendable {
  /// The short message.
  private static let opening = #"{"role":"user","content":"a"}"#
  /// How far back a beginning is looked for: a turn adds two messages, a call of tools some more.
  static let maximumNewMessages = 16

  /// Tokens of the beginning, as they were when it ended there.
  let head: PromptTokens
  let kind: TemplateValidation.Kind
  /// The request with the short message and the new ones in place of all.
  let tailBody: ByteBuffer
  /// With the short message alone, asking for an answer and not.
  let askingBody: ByteBuffer
  let silentBody: ByteBuffer

  /// Nil when no beginning is known, a message is more than role and text, or the turns are not the user's: a template may
  /// write an earlier message otherwise once others follow (without its reasoning), and does so at the user's turns.
  ///
  /// - Parameter known: the tokens of a prompt, where they can be relied on for this kind of chat.
  init?(
    _ outline: PromptOutline, model: String, body: ByteBuffer,
    known: (PromptIdentity, TemplateValidation.Kind) -> PromptTokens?
  ) {
    let messages = outline.messages
    guard outline.isIncremental, let list = outline.messageList, messages.count > 1, messages.last?.role == .user,
      messages.allSatisfy(\.isPlain)
    else { return nil }
    kind = TemplateValidation.Kind(
      model: model, settings: outline.settings, hasOthers: messages.contains { $0.role == .other })
    var found: (count: Int, tokens: PromptTokens)?
    let newest = messages.count - 1
    for count in stride(from: newest, through: max(1, newest - Self.maximumNewMessages), by: -1)
    where messages[count - 1].role == .user {
      guard let tokens = known(outline.heads[count - 1], kind) else { continue }
      found = (count, tokens)
      break
    }
    guard let found else { return nil }
    head = found.tokens
    let new = messages[found.count...].map(\.range)
    tailBody = Self.body(body, list, new)
    askingBody = Self.body(body, list, [])
    silentBody = Self.withoutQuestion(askingBody)
  }

  private static func body(_ body: ByteBuffer, _ list: Range<Int>, _ messages: [Range<Int>]) -> ByteBuffer {
    var result = ByteBuffer()
    func append(_ range: Range<Int>) {
      if let part = body.getSlice(at: body.readerIndex + range.lowerBound, length: range.count) {
        result.writeImmutableBuffer(part)
      }
    }
    append(0..<list.lowerBound)
    result.writeString("[" + opening)
    for message in messages {
      result.writeString(",")
      append(message)
    }
    result.writeString("]")
    append(list.upperBound..<body.readableBytes)
    return result
  }

  /// The same without the tokens that ask for an answer.
  private static func withoutQuestion(_ body: ByteBuffer) -> ByteBuffer {
    let start = body.readableBytesView.firstIndex(of: UInt8(ascii: "{")) ?? body.readerIndex
    var result = ByteBuffer()
    result.writeString(#"{"add_generation_prompt":false,"#)
    if let rest = body.getSlice(at: start + 1, length: body.writerIndex - start - 1) {
      result.writeImmutableBuffer(rest)
    }
    return result
  }

  /// The tokens of all; nil when they do not fit together as they should.
  func join(_ template: ChatTemplateTokens, tail: [UInt32]) -> [UInt32]? {
    guard tail.starts(with: template.opening), head.ids.count >= template.question.count,
      head.ids.suffix(template.question.count).elementsEqual(template.question)
    else { return nil }
    var result: [UInt32] = []
    result.reserveCapacity(head.ids.count + tail.count)
    result += head.ids.dropLast(template.question.count)
    result += tail.dropFirst(template.opening.count)
    return result
  }
}

/// What a chat template puts around messages.
struct ChatTemplateTokens: Sendable, Equatable {
  /// Of a short message alone, with all that stands before it.
  var opening: [UInt32]
  /// What asks for the answer.
  var question: [UInt32]

  /// From a short message that asks for an answer, and that does not; nil when the one does not go on with the other.
  init?(asking: [UInt32], silent: [UInt32]) {
    guard asking.starts(with: silent), asking.count > silent.count else { return nil }
    opening = silent
    question = Array(asking.dropFirst(silent.count))
  }
}
