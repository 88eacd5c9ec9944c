import EPPCore
import EPPRequests

/// The parts of a request's body that decide about its tokens: the identity of the prompt, and the positions of a chat's
/// messages.
///
/// All members of the body count except those that are known to have no influence. Their order counts too: a client writes
/// them in the same order every time.
struct PromptOutline: Sendable {
  /// A message of a chat.
  struct Message: Sendable, Equatable {
    /// The range of the message's JSON object in the body.
    var range: Range<Int>
    /// Whether the message has exactly a role and a text. Its tokens then do not depend on other messages.
    var isPlain: Bool
    /// The speaker.
    var role: Role
  }

  /// The speaker of a message, as far as chat templates treat speakers differently.
  enum Role: Sendable, Equatable {
    case user
    case assistant
    /// The system, a tool, or one that is not known.
    case other
  }

  /// Paths of the engine API that return the tokens of the prompt, the preferred path first.
  let paths: [RenderPath]
  /// Identity of the whole prompt.
  let identity: PromptIdentity
  /// Identity of all members except the messages.
  let settings: PromptIdentity
  /// Messages of a chat; empty for completions, and for a chat of more than `maximumMessages`.
  let messages: [Message]
  /// Identities of the prompts that end with each message: `heads[i]` is that of messages 0 to i.
  let heads: [PromptIdentity]
  /// Range of the list of messages in the body, brackets included; nil where `messages` is not read.
  let messageList: Range<Int>?
  /// Whether the prompt has no member that leaves out the generation prompt or truncates the prompt.
  let isIncremental: Bool
  private let model: JSONText?

  /// Messages that are kept at most; a chat of more messages is hashed as one part.
  static let maximumMessages = 4096

  /// Members that limit the answer. They have an influence only where the prompt is truncated to leave room for the answer.
  private static let bounds = ["max_tokens", "max_completion_tokens"]
  /// Members without influence on the prompt's tokens.
  private static let ignored = [
    "stream", "stream_options", "min_tokens", "temperature", "top_p", "top_k", "min_p", "seed", "n", "best_of", "user",
    "stop", "stop_token_ids", "logprobs", "top_logprobs", "logit_bias", "presence_penalty", "frequency_penalty",
    "repetition_penalty", "ignore_eos", "priority", "request_id", "session_id", "cache_salt", "metadata", "store",
    "echo",
    "parallel_tool_calls", "safety_identifier", "prompt_cache_key", "kv_transfer_params", "return_token_ids",
    "service_tier",
  ]
  /// Members that can leave out the generation prompt or truncate the prompt.
  private static let unusual = ["add_generation_prompt", "continue_final_message", "truncate_prompt_tokens"]

  /// Members that `/tokenize` treats as the request's own path does. It ignores other members.
  private static let tokenized = [
    "model", "messages", "prompt", "tools", "chat_template", "chat_template_kwargs", "add_generation_prompt",
    "continue_final_message", "add_special_tokens",
  ]

  /// Reads a body. Nil for a body that is no JSON object, for an API that has no path for tokens, and for a prompt of
  /// embeddings.
  ///
  /// - Parameters:
  ///   - api: The API of the request.
  ///   - body: The whole body.
  ///   - secret: The key of the identities.
  init?(api: InferenceAPI, body: RawSpan, secret: IdentitySecret) {
    guard let render = RenderPath.render(api) else { return nil }
    var hasher = IdentityHasher(secret)
    // The same body means another prompt elsewhere.
    hasher.update(api == .chatCompletions ? 1 : 2)
    var messages: [Message] = []
    var list: Range<Int>?
    var model: JSONText?
    var bounds: [Range<Int>] = []
    var isUsual = true
    var isCut = false
    var isTokenized = true
    do throws(JSONError) {
      var cursor = JSONCursor(body)
      try cursor.open(body, .object)
      var isFirst = true
      while let key = try cursor.nextMember(body, isFirst: &isFirst) {
        if api == .chatCompletions, key.equals("messages", in: body), try cursor.peek(body) == .array {
          let start = cursor.offset
          messages = try Self.messages(&cursor, body)
          list = start..<cursor.offset
          continue
        }
        if key.equals("model", in: body), try cursor.peek(body) == .string {
          var place = cursor
          model = try place.readString(body)
        }
        // Vectors in place of tokens: engines make another prompt of them, or several.
        if key.equals("prompt_embeds", in: body), try cursor.peek(body) != .null { return nil }
        let value = try cursor.skipValue(body)
        if Self.ignored.contains(where: { key.equals($0, in: body) }) { continue }
        if Self.bounds.contains(where: { key.equals($0, in: body) }) {
          bounds += [key.quotedRange, value]
          continue
        }
        if Self.unusual.contains(where: { key.equals($0, in: body) }) { isUsual = false }
        if key.equals("truncate_prompt_tokens", in: body) { isCut = true }
        if !Self.tokenized.contains(where: { key.equals($0, in: body) }) { isTokenized = false }
        hasher.update(body.extracting(key.quotedRange))
        hasher.update(body.extracting(value))
      }
      try cursor.finish(body)
    } catch {
      return nil
    }
    if isCut { for range in bounds { hasher.update(body.extracting(range)) } }
    paths = isTokenized ? [render, .tokenize] : [render]
    settings = hasher.identity
    // No part is that long, so that a message is never taken for a member.
    hasher.update(.max)
    if messages.count > Self.maximumMessages, let whole = list {
      hasher.update(body.extracting(whole))
      messages = []
      list = nil
    }
    var heads: [PromptIdentity] = []
    heads.reserveCapacity(messages.count)
    for message in messages {
      hasher.update(body.extracting(message.range))
      heads.append(hasher.identity)
    }
    identity = hasher.identity
    self.heads = heads
    self.messages = messages
    self.model = model
    messageList = list
    isIncremental = isUsual
  }

  /// Bytes of the model's name in the body, escaped; 0 when there is none.
  var modelNameBytes: Int { model?.range.count ?? 0 }

  /// The model's name; empty when the request has none.
  func modelName(in body: RawSpan) -> String { model?.string(in: body) ?? "" }

  private static func messages(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) -> [Message] {
    var messages: [Message] = []
    try cursor.open(body, .array)
    var isFirst = true
    while try cursor.nextElement(body, isFirst: &isFirst) {
      if messages.count > maximumMessages {
        _ = try cursor.skipValue(body)
      } else if try cursor.peek(body) == .object {
        messages.append(try message(&cursor, body))
      } else {
        messages.append(Message(range: try cursor.skipValue(body), isPlain: false, role: .other))
      }
    }
    return messages
  }

  private static func message(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) -> Message {
    let start = cursor.offset
    var (hasRole, hasContent, hasMore) = (false, false, false)
    var role = Role.other
    try cursor.open(body, .object)
    var isFirst = true
    while let key = try cursor.nextMember(body, isFirst: &isFirst) {
      guard try cursor.peek(body) == .string else {
        hasMore = true
        _ = try cursor.skipValue(body)
        continue
      }
      let text = try cursor.readString(body)
      // A member that stands there twice is one too many.
      if key.equals("role", in: body), !hasRole {
        hasRole = true
        role = text.equals("user", in: body) ? .user : text.equals("assistant", in: body) ? .assistant : .other
      } else if key.equals("content", in: body), !hasContent {
        hasContent = true
      } else {
        hasMore = true
      }
    }
    return Message(range: start..<cursor.offset, isPlain: hasRole && hasContent && !hasMore, role: role)
  }
}
