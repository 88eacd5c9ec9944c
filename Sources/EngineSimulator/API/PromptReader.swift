/// Reads the prompts of a request's body, and tokenizes them.
enum PromptReader {
  private static let tokenizer = Tokenizer.trained

  /// Returns the tokens of a completion's prompts: a text, texts, tokens, or lists of tokens. Empty prompts are left out.
  ///
  /// - Throws: `APIError` when there is no prompt, or when its type is wrong.
  static func completion(_ body: JSONNode) throws(APIError) -> [[UInt32]] {
    let prompts: [[UInt32]]
    switch body["prompt"] {
    case .string(let text)?: prompts = [tokenizer.encode(text)]
    case .array(let elements)?: prompts = try completion(elements)
    case nil, .null?: prompts = []
    default: throw wrongPrompt
    }
    let filled = prompts.filter { !$0.isEmpty }
    guard !filled.isEmpty else { throw APIError.missingPrompt }
    return filled
  }

  private static func completion(_ elements: [JSONNode]) throws(APIError) -> [[UInt32]] {
    if case .integer? = elements.first { return [try tokens(elements)] }
    var prompts: [[UInt32]] = []
    for element in elements {
      switch element {
      case .string(let text): prompts.append(tokenizer.encode(text))
      case .array(let ids): prompts.append(try tokens(ids))
      default: throw wrongPrompt
      }
    }
    return prompts
  }

  private static func tokens(_ elements: [JSONNode]) throws(APIError) -> [UInt32] {
    var tokens: [UInt32] = []
    tokens.reserveCapacity(elements.count)
    for element in elements {
      guard let integer = element.integer, let token = UInt32(exactly: integer) else { throw wrongPrompt }
      tokens.append(token)
    }
    return tokens
  }

  private static let wrongPrompt = APIError.validation(
    "prompt_type", location: "body.prompt",
    message: "Input should be a string, a list of strings, a list of token ids or a list of such lists")

  /// Returns the tokens of a chat's prompt.
  ///
  /// - Throws: `APIError` when there are no messages, or when their type is wrong.
  static func chat(_ body: JSONNode) throws(APIError) -> [UInt32] {
    guard let value = body["messages"] else {
      throw .validation("missing", location: "body.messages", message: "Field required")
    }
    guard let messages = value.elements, !messages.isEmpty, messages.allSatisfy({ $0.isObject }) else {
      throw .validation(
        "list_type", location: "body.messages", message: "Input should be a list of at least one object")
    }
    let startsAnswer = body["add_generation_prompt"]?.boolean ?? true
    return tokenizer.encode(
      ChatTemplate.prompt(messages: messages, tools: body["tools"]?.elements ?? [], startsAnswer: startsAnswer))
  }
}

extension JSONNode {
  fileprivate var isObject: Bool { if case .object = self { true } else { false } }
}
