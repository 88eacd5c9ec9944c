import NIOCore

/// A chat whose first messages (the head) have been rendered before, and the requests that render only its new messages.
///
/// Where a chat template puts special tokens between messages, the tokens of a message do not depend on its neighbours. With
/// A = the tokens of a short message alone, and G = the tokens of the generation prompt:
/// tokens(all) = tokens(head) without G at the end, followed by tokens(short message, new messages) without A at the beginning.
struct GrownConversation: Sendable {
  /// The short message, as JSON.
  private static let opening = #"{"role":"user","content":"a"}"#
  /// New messages at most. A turn adds two messages, one with tool calls some more.
  static let maximumNewMessages = 16

  /// Tokens of the head, rendered as a prompt of its own.
  let head: PromptTokens
  /// The kind of chat, for which the template is validated.
  let kind: TemplateValidation.Kind
  /// The request with the short message and the new messages in place of all messages.
  let tailBody: ByteBuffer
  /// The request with the short message alone, rendered with the generation prompt.
  let askingBody: ByteBuffer
  /// The request with the short message alone, rendered without the generation prompt.
  let silentBody: ByteBuffer

  /// Finds the longest known head of a chat. Head and chat have to end with a message of the user: templates may render an
  /// earlier message differently once a message of the user follows (without its reasoning). Nil when there is none with at
  /// most `maximumNewMessages` after it, and when a message is more than role and text.
  ///
  /// - Parameter known: Returns the tokens of a prompt, if they can be used for this kind of chat.
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

  /// Returns a body with `add_generation_prompt: false` added.
  private static func withoutQuestion(_ body: ByteBuffer) -> ByteBuffer {
    let start = body.readableBytesView.firstIndex(of: UInt8(ascii: "{")) ?? body.readerIndex
    var result = ByteBuffer()
    result.writeString(#"{"add_generation_prompt":false,"#)
    if let rest = body.getSlice(at: start + 1, length: body.writerIndex - start - 1) {
      result.writeImmutableBuffer(rest)
    }
    return result
  }

  /// Returns the tokens of the whole chat; nil when `tail` does not begin with A, or the head does not end with G.
  ///
  /// - Parameter tail: The tokens of `tailBody`.
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

/// The tokens that a chat template puts around messages.
struct ChatTemplateTokens: Sendable, Equatable {
  /// Tokens of the short message alone, with all that the template puts before it.
  var opening: [UInt32]
  /// Tokens of the generation prompt.
  var question: [UInt32]

  /// Derives the tokens from two renderings of the short message. Nil when `asking` does not begin with `silent`, or is no
  /// longer.
  ///
  /// - Parameters:
  ///   - asking: Tokens with the generation prompt.
  ///   - silent: Tokens without the generation prompt.
  init?(asking: [UInt32], silent: [UInt32]) {
    guard asking.starts(with: silent), asking.count > silent.count else { return nil }
    opening = silent
    question = Array(asking.dropFirst(silent.count))
  }
}
