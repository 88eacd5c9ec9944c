import Crypto
import EPPCore
import EPPRequests

/// What of a request's body decides about its tokens: which prompt it is, and for a chat where its messages stand.
///
/// All members count but those that are known to have no influence; the order in which they stand counts too, for a client
/// writes them in the same order every time.
struct PromptOutline: Sendable {
  /// A message of a chat.
  struct Message: Sendable, Equatable {
    /// Where its object stands in the body.
    var range: Range<Int>
    /// Whether it has a role and a text, and nothing else: what such a message becomes does not depend on others.
    var isPlain: Bool
  }

  let path: InferenceAPI
  /// The whole prompt.
  let identity: PromptIdentity
  /// All but the messages.
  let settings: PromptIdentity
  /// Of a chat.
  let messages: [Message]
  /// For each count of messages from 1 on, the prompt that ends with that one.
  let heads: [PromptIdentity]
  /// Where the list of messages stands in the body, brackets included.
  let messageList: Range<Int>?
  /// Whether the chat ends as usual: with what asks for an answer.
  let isIncremental: Bool

  /// Members without influence on the prompt's tokens: how it is answered, by whom and for whom.
  private static let ignored = [
    "stream", "stream_options", "max_tokens", "max_completion_tokens", "min_tokens", "temperature", "top_p", "top_k",
    "min_p", "seed", "n", "best_of", "user", "stop", "stop_token_ids", "logprobs", "top_logprobs", "logit_bias",
    "presence_penalty", "frequency_penalty", "repetition_penalty", "ignore_eos", "priority", "request_id", "session_id",
    "cache_salt", "metadata", "store", "echo", "response_format", "parallel_tool_calls", "safety_identifier",
    "prompt_cache_key", "kv_transfer_params", "return_token_ids", "service_tier",
  ]

  /// Nil for a body that is no JSON object.
  init?(api: InferenceAPI, body: RawSpan, secret: SymmetricKey) {
    var code = HMAC<SHA256>(key: secret)
    var messages: [Message] = []
    var list: Range<Int>?
    var isUsual = true
    do throws(JSONError) {
      var cursor = JSONCursor(body)
      try cursor.open(body, .object)
      var isFirst = true
      while let key = try cursor.nextMember(body, isFirst: &isFirst) {
        if api == .chatCompletions, key.equals("messages", in: body), try cursor.peek(body) == .array {
          let start = cursor.offset
          messages = try Self.messages(&cursor, body)
          list = start..<cursor.offset
        } else {
          let value = try cursor.skipValue(body)
          if !Self.ignored.contains(where: { key.equals($0, in: body) }) {
            if key.equals("add_generation_prompt", in: body) || key.equals("continue_final_message", in: body) {
              isUsual = false
            }
            Self.update(&code, body, key.quotedRange)
            Self.update(&code, body, value)
          }
        }
      }
      try cursor.finish(body)
    } catch {
      return nil
    }
    path = api
    settings = PromptIdentity(code.finalize())
    var heads: [PromptIdentity] = []
    for message in messages {
      Self.update(&code, body, message.range)
      heads.append(PromptIdentity(code.finalize()))
    }
    identity = heads.last ?? settings
    self.heads = heads
    self.messages = messages
    messageList = list
    isIncremental = isUsual
  }

  /// The length goes first, so that no two lists of parts run into the same bytes.
  private static func update(_ code: inout HMAC<SHA256>, _ body: RawSpan, _ range: Range<Int>) {
    let part = body.extracting(range)
    let count = UInt64(range.count)
    unsafe withUnsafeBytes(of: count) { unsafe code.update(data: $0) }
    unsafe part.withUnsafeBytes { unsafe code.update(data: $0) }
  }

  private static func messages(_ cursor: inout JSONCursor, _ body: RawSpan) throws(JSONError) -> [Message] {
    var messages: [Message] = []
    try cursor.open(body, .array)
    var isFirst = true
    while try cursor.nextElement(body, isFirst: &isFirst) {
      guard try cursor.peek(body) == .object else {
        messages.append(Message(range: try cursor.skipValue(body), isPlain: false))
        continue
      }
      let start = cursor.offset
      var isPlain = true
      var members = 0
      try cursor.open(body, .object)
      var isFirstMember = true
      while let key = try cursor.nextMember(body, isFirst: &isFirstMember) {
        members += 1
        let isText = try cursor.peek(body) == .string
        _ = try cursor.skipValue(body)
        isPlain = isPlain && isText && (key.equals("role", in: body) || key.equals("content", in: body))
      }
      messages.append(Message(range: start..<cursor.offset, isPlain: isPlain && members == 2))
    }
    return messages
  }
}
