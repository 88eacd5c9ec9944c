import EPPCore

/// Conversations of several turns; those of a group begin with the same long system prompt.
///
/// The order of turns is drawn from the seed: every conversation has had its first turn before one has its third, and
/// within a round the order is random, so that caches see the whole working set all the time.
struct ConversationWorkload: Sendable {
  /// Characters of text in a token, about what tokenizers make of English.
  static let bytesPerToken = 4

  struct Settings: Codable, Sendable {
    var conversations: Int
    var turns: Int
    var groups: Int
    var sharedPrefixTokens: Int
    var userTokens: Int
    var maxTokens: Int
    var seed: UInt64
    var model: String
  }

  let settings: Settings
  private let systemPrompts: [String]
  private var histories: [[ChatMessage]]
  private var turnsDone: [Int]
  /// Conversations that wait for their next turn, each with its place in the order.
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

  /// Requests that the whole workload makes.
  var requestCount: Int { settings.conversations * settings.turns }

  /// Tokens of text that differ from each other, with answers of full length.
  var workingSetTokens: Int {
    min(settings.groups, settings.conversations) * settings.sharedPrefixTokens
      + settings.conversations * settings.turns * (settings.userTokens + settings.maxTokens)
  }

  /// The next request, or nil when every conversation that has turns left is waiting for an answer.
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

  /// The answer to a conversation's request; an empty one (a failed request) leaves the question unanswered.
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
