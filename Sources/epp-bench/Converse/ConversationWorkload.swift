import EPPCore

/// A workload of conversations of several turns. The conversations of a group begin with one long system prompt.
///
/// The order of turns is random, and determined by the seed. Turns are in rounds: every conversation has had its first turn
/// before one has its third, so that the whole working set is used all the time.
struct ConversationWorkload: Sendable {
  /// Bytes of text per token, about the mean of tokenizers for English.
  static let bytesPerToken = 4

  /// The settings of a workload.
  struct Settings: Codable, Sendable {
    /// Number of conversations.
    var conversations: Int
    /// Requests of a conversation.
    var turns: Int
    /// Number of different system prompts.
    var groups: Int
    /// Tokens of a system prompt.
    var sharedPrefixTokens: Int
    /// Tokens of a user's message.
    var userTokens: Int
    /// Tokens of an answer at most.
    var maxTokens: Int
    /// Seed of texts and order.
    var seed: UInt64
    /// The model's name in requests.
    var model: String
  }

  /// The settings of the workload.
  let settings: Settings
  private let systemPrompts: [String]
  private var histories: [[ChatMessage]]
  private var turnsDone: [Int]
  /// Conversations whose next turn can be sent, each with its place in the order.
  private var ready: [(place: Double, conversation: Int)]
  private var generator: SplitMix64

  init(settings: Settings) {
    self.settings = settings
    var generator = SplitMix64(seed: settings.seed)
    systemPrompts = (0..<settings.groups).map { group in
      // The number comes first: prefixes of two groups part in their first block.
      let start = "Handbook \(group) of seed \(settings.seed). "
      let length = max(0, settings.sharedPrefixTokens * Self.bytesPerToken - start.utf8.count)
      return start + PromptText.make(bytes: length, using: &generator)
    }
    histories = Array(repeating: [], count: settings.conversations)
    turnsDone = Array(repeating: 0, count: settings.conversations)
    ready = (0..<settings.conversations).map { (Double.random(in: 0..<1, using: &generator), $0) }
    self.generator = generator
  }

  /// Number of requests of the whole workload.
  var requestCount: Int { settings.conversations * settings.turns }

  /// Tokens of all distinct texts, with answers of full length.
  var workingSetTokens: Int {
    min(settings.groups, settings.conversations) * settings.sharedPrefixTokens
      + settings.conversations * settings.turns * (settings.userTokens + settings.maxTokens)
  }

  /// Returns the next request; nil when every conversation with turns left waits for an answer.
  mutating func next() -> (conversation: Int, messages: [ChatMessage])? {
    guard let index = ready.indices.min(by: { ready[$0].place < ready[$1].place }) else { return nil }
    let conversation = ready.remove(at: index).conversation
    if histories[conversation].isEmpty {
      histories[conversation] = [
        ChatMessage(role: "system", content: systemPrompts[conversation % settings.groups])
      ]
    }
    let start = "Conversation \(conversation), turn \(turnsDone[conversation]). "
    let length = max(0, settings.userTokens * Self.bytesPerToken - start.utf8.count)
    histories[conversation].append(
      ChatMessage(role: "user", content: start + PromptText.make(bytes: length, using: &generator)))
    return (conversation, histories[conversation])
  }

  /// Records the answer to a conversation's request; an empty text after a failed request.
  mutating func answered(_ conversation: Int, with text: String) {
    histories[conversation].append(ChatMessage(role: "assistant", content: text))
    turnsDone[conversation] += 1
    guard turnsDone[conversation] < settings.turns else {
      histories[conversation] = []
      return
    }
    ready.append((Double(turnsDone[conversation]) + Double.random(in: 0..<1, using: &generator), conversation))
  }
}

/// A message of the chat completions API.
struct ChatMessage: Codable, Sendable {
  var role: String
  var content: String
}
