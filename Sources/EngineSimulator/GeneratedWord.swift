/// A token of an answer: three letters and a space, so that it is 4 bytes of text.
package struct GeneratedWord: Sendable, Equatable {
  private let index: Int

  /// The word at a position of the answer to a prompt: always the same for the same prompt.
  package init(promptDigest: UInt64, position: Int) {
    var hash = promptDigest
    BlockHash.mix(UInt64(position), into: &hash)
    // The low bits of one multiplication depend on few bits of the input; a second one spreads them.
    BlockHash.mix(hash >> 17, into: &hash)
    index = Int((hash >> 8) % UInt64(Self.words.count))
  }

  /// The word as text.
  package var text: String { Self.words[index] }

  private static let words: [String] =
    """
    air ant arm art ash bay bee box bud bus cap cat cow cup day den dew dog ear egg elm fan fig fin fir fox gem gum hat
    hay hen hut ice ink ivy jam jar jay key kit lap leg log map mud net nut oak oar oat owl pan paw pea pen pie pig pot
    ram ray rim rye sap sea sky sun tea toe urn van vat web wax yak yam zoo
    """.split(whereSeparator: \.isWhitespace).map { String($0) + " " }
}
