import EPPCore

/// Makes text that resembles prose and needs no escapes in JSON.
enum PromptText {
  private static let words = [
    "the", "model", "answers", "a", "question", "about", "rivers", "and", "their", "bridges", "in", "seven", "long",
    "chapters", "with", "notes", "for", "every", "reader", "who", "keeps", "records", "of", "old", "maps", "while",
    "engines", "turn", "words", "into", "numbers",
  ]

  /// Returns exactly `bytes` random ASCII characters.
  static func make(bytes: Int, using generator: inout SplitMix64) -> String {
    var text = ""
    text.reserveCapacity(bytes + 16)
    while text.utf8.count < bytes {
      let random = generator.next()
      text += words[Int(random % UInt64(words.count))]
      // A number now and then keeps texts of different seeds apart within a few dozen bytes.
      if random >> 60 == 0 { text += " \(random >> 40 & 0xFFFF)" }
      text += " "
    }
    return String(text.prefix(bytes))
  }
}
