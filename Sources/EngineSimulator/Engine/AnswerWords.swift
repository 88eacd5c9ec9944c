/// The words of an answer: short nouns of one token each, determined by the prompt.
///
/// An answer that is sent back in a conversation is tokenized to the tokens that it was made of, so that the next turn finds
/// the blocks of the answer.
struct AnswerWords: Sendable {
  private var digest = Fingerprint()
  /// Whether the prompt ends with a line feed: the first word of a line has no space before it.
  private let startsLine: Bool

  /// Makes the words for a prompt in a cache namespace.
  init(prompt: [UInt32], namespace: CacheNamespace) {
    for token in prompt { digest.mix(UInt64(token)) }
    for part in [namespace.adapter?.name, namespace.salt] {
      for byte in (part ?? "").utf8 { digest.mix(UInt64(byte)) }
      // No byte has this value: it keeps adapter "a" with salt "b" apart from adapter "ab" without one.
      digest.mix(part == nil ? 0x100 : 0x101)
    }
    startsLine = prompt.last.map { Self.tokenizer.bytes(of: $0).last == UInt8(ascii: "\n") } ?? true
  }

  /// Returns the word at a position of the answer.
  func token(at position: Int) -> UInt32 {
    var digest = digest
    digest.mix(UInt64(position))
    // The low bits of one multiplication depend on few bits of the input; a second one spreads them.
    digest.mix(digest.value >> 17)
    let words = position == 0 && startsLine ? Self.atStart : Self.afterSpace
    return words[Int((digest.value >> 8) % UInt64(words.count))]
  }

  private static let tokenizer = Tokenizer.trained
  private static let atStart = tokens(before: "")
  private static let afterSpace = tokens(before: " ")

  /// Returns the words of `text` that are one token after a prefix.
  private static func tokens(before word: String) -> [UInt32] {
    let found = text.split(whereSeparator: \.isWhitespace).compactMap { noun -> UInt32? in
      let tokens = tokenizer.encode(word + noun)
      return tokens.count == 1 ? tokens[0] : nil
    }
    return found.isEmpty ? [UInt32(UInt8(ascii: "x"))] : found
  }

  private static let text = """
    air ant arm art ash bay bee box bud bus cap cat cow cup day den dew dog ear egg elm fan fig fin fir fox gem gum hat
    hay hen hut ice ink ivy jam jar jay key kit lap leg log map mud net nut oak oar oat owl pan paw pea pen pie pig pot
    ram ray rim rye sap sea sky sun tea toe urn van vat web wax yak yam zoo
    """
}
