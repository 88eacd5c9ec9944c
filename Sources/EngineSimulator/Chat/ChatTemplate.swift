/// Renders the messages of a chat as one prompt, in the ChatML of Qwen's models: each message between `<|im_start|>` with the
/// role and `<|im_end|>`, tools in the system message, calls and their results in tags, and the generation prompt at the end.
struct ChatTemplate: Sendable {
  private var prompt: [UInt8] = []

  /// The system message of a chat that has none.
  private static let defaultSystem = "You are a helpful assistant."

  /// Returns the UTF-8 text of a chat's prompt.
  ///
  /// - Parameters:
  ///   - messages: Objects with role and content.
  ///   - tools: Descriptions of functions.
  ///   - startsAnswer: Whether the prompt ends with the start of the assistant's message.
  static func prompt(messages: [JSONNode], tools: [JSONNode], startsAnswer: Bool) -> [UInt8] {
    var template = ChatTemplate()
    var others = messages[...]
    var system = defaultSystem
    if let first = messages.first, first["role"]?.text == "system" {
      system = content(of: first)
      others = messages.dropFirst()
    }
    template.append(role: "system", system + (tools.isEmpty ? "" : toolText(tools)))
    for message in others { template.append(message) }
    if startsAnswer { template.append("\(SpecialToken.startOfMessage.text)assistant\n") }
    return template.prompt
  }

  private mutating func append(_ text: String) { prompt += Array(text.utf8) }

  private mutating func append(role: String, _ content: String) {
    append("\(SpecialToken.startOfMessage.text)\(role)\n")
    append(content)
    append("\(SpecialToken.endOfMessage.text)\n")
  }

  private mutating func append(_ message: JSONNode) {
    let role = message["role"]?.text ?? "user"
    let content = Self.content(of: message)
    switch role {
    case "tool": append(role: "user", "<tool_response>\n\(content)\n</tool_response>")
    case "assistant":
      let calls = (message["tool_calls"]?.elements ?? []).map(Self.text(ofCall:))
      append(role: role, ((content.isEmpty && !calls.isEmpty ? [] : [content]) + calls).joined(separator: "\n"))
    default: append(role: role, content)
    }
  }

  private static func toolText(_ tools: [JSONNode]) -> String {
    """
    \n\n# Tools\n\nFunctions that may be called are described within <tools></tools>, one in each line.\n\n<tools>
    \(tools.map(\.printed).joined(separator: "\n"))
    </tools>\n\nA call is a JSON object with name and arguments within <tool_call></tool_call>.
    """
  }

  /// Renders a tool call. Arguments in a string that holds JSON are printed as JSON values.
  private static func text(ofCall call: JSONNode) -> String {
    let function = call["function"] ?? call
    var arguments = function["arguments"] ?? .object([])
    if let text = arguments.text, let parsed = try? JSONNode(Array(text.utf8)) { arguments = parsed }
    let object = JSONNode.object([
      .init(name: "name", value: function["name"] ?? .null), .init(name: "arguments", value: arguments),
    ])
    return "<tool_call>\n\(object.printed)\n</tool_call>"
  }

  /// Returns the content of a message: a text, or one line for each part. A part that is no text is rendered as its type and a
  /// hash.
  private static func content(of message: JSONNode) -> String {
    switch message["content"] {
    case .string(let text)?: text
    case .array(let parts)?: parts.map(text(ofPart:)).joined(separator: "\n")
    case nil, .null?: ""
    case let other?: other.printed
    }
  }

  private static func text(ofPart part: JSONNode) -> String {
    if let text = part.text { return text }
    if let text = part["text"]?.text { return text }
    var fingerprint = Fingerprint()
    for byte in part.printed.utf8 { fingerprint.mix(UInt64(byte)) }
    return "[\(part["type"]?.text ?? "part") \(String(fingerprint.value, radix: 16))]"
  }
}
