/// A byte-level BPE tokenizer: it encodes any bytes, and decodes tokens to the original bytes.
///
/// Text is divided at special tokens and then into pieces (`PieceScanner`). A piece that is a token is encoded as this token;
/// any other is merged from its bytes (`PairMerger`). A piece must be smaller than 4 GB.
package struct Tokenizer: Sendable {
  private let vocabulary: TokenVocabulary
  private let special: [(token: SpecialToken, text: [UInt8])]

  /// The tokenizer with the vocabulary that `scripts/generate/tokenizer` makes. The first access takes some milliseconds.
  package static let trained = Tokenizer(merges: TrainedMerges.text)

  /// Makes a tokenizer of merge rules in the format of `TokenVocabulary`.
  init(merges: String) {
    vocabulary = TokenVocabulary(merges: merges)
    special = SpecialToken.allCases.map { ($0, Array($0.text.utf8)) }
  }

  /// Number of ordinary tokens, whose ids are below it.
  package var vocabularySize: Int { vocabulary.count }

  /// Returns the tokens of a UTF-8 text, or of any other bytes.
  package func encode(_ text: [UInt8]) -> [UInt32] {
    var tokens: [UInt32] = []
    tokens.reserveCapacity(text.count / 4 + 8)
    var merger = PairMerger()
    var start = 0
    while start < text.count {
      let found = nextSpecial(text, from: start)
      encode(text, start..<(found?.start ?? text.count), &merger, into: &tokens)
      guard let found else { break }
      tokens.append(special[found.index].token.rawValue)
      start = found.start + special[found.index].text.count
    }
    return tokens
  }

  /// Returns the tokens of a text.
  package func encode(_ text: String) -> [UInt32] { encode(Array(text.utf8)) }

  private func encode(
    _ text: [UInt8], _ range: Range<Int>, _ merger: inout PairMerger, into tokens: inout [UInt32]
  ) {
    let scanner = PieceScanner(text: text, limit: range.upperBound)
    var start = range.lowerBound
    while start < range.upperBound {
      let end = scanner.end(of: start)
      if let token = vocabulary.token(of: text, start..<end) {
        tokens.append(token)
      } else {
        merger.merge(text, start..<end, vocabulary, into: &tokens)
      }
      start = end
    }
  }

  private func nextSpecial(_ text: [UInt8], from start: Int) -> (start: Int, index: Int)? {
    var offset = start
    while offset + 1 < text.count {
      if text[offset] == UInt8(ascii: "<"), text[offset + 1] == UInt8(ascii: "|") {
        for index in special.indices where text[offset...].starts(with: special[index].text) { return (offset, index) }
      }
      offset += 1
    }
    return nil
  }

  /// Returns the bytes of tokens; unknown ids have none.
  package func decode(_ tokens: some Sequence<UInt32>) -> [UInt8] {
    var bytes: [UInt8] = []
    for token in tokens { bytes += self.bytes(of: token) }
    return bytes
  }

  /// Returns the bytes of a token; empty for an unknown id.
  package func bytes(of token: UInt32) -> ArraySlice<UInt8> {
    if let known = SpecialToken(rawValue: token) { return special.first { $0.token == known }?.text[...] ?? [] }
    return vocabulary.bytes(of: token)
  }

  /// Returns a token in the alphabet of vocabularies, with `Ġ` for a space.
  package func name(of token: UInt32) -> String {
    SpecialToken(rawValue: token)?.text ?? ByteAlphabet.text(of: vocabulary.bytes(of: token))
  }
}
