/// What identifies the KV cache blocks of a prompt: that which one engine sends to another in place of keys and values.
package struct PromptBlocks: Sendable, Equatable {
  /// Hashes of the full blocks, first block first.
  package var hashes: [BlockHash]
  /// The hash of the tokens after the last full block; nil when there are none.
  package var tail: BlockHash?
  /// Number of tokens of the prompt.
  package var tokens: Int

  package init(hashes: [BlockHash], tail: BlockHash? = nil, tokens: Int) {
    self.hashes = hashes
    self.tail = tail
    self.tokens = tokens
  }

  /// Returns the number of tokens of this prompt that are in the blocks of another one.
  package func tokens(in other: PromptBlocks, blockTokens: Int) -> Int {
    if self == other { return tokens }
    var equal = 0
    while equal < min(hashes.count, other.hashes.count), hashes[equal] == other.hashes[equal] { equal += 1 }
    return min(equal * blockTokens, tokens)
  }
}

extension PromptBlocks {
  /// The object in JSON.
  package var json: String {
    let hashes = hashes.map { "\"\($0.digits)\"" }.joined(separator: ",")
    return #"{"hashes":[\#(hashes)],"tail":\#(tail.map { "\"\($0.digits)\"" } ?? "null"),"tokens":\#(tokens)}"#
  }

  /// Reads the object; nil when it is none.
  package init?(_ json: JSONNode) {
    guard let tokens = json["tokens"]?.integer, let elements = json["hashes"]?.elements else { return nil }
    var hashes: [BlockHash] = []
    for element in elements {
      guard let hash = element.text.flatMap(BlockHash.init(digits:)) else { return nil }
      hashes.append(hash)
    }
    var tail: BlockHash?
    if let text = json["tail"]?.text {
      guard let hash = BlockHash(digits: text) else { return nil }
      tail = hash
    }
    self.init(hashes: hashes, tail: tail, tokens: Int(clamping: tokens))
  }
}

extension BlockHash {
  /// The hash as 64 hexadecimal digits.
  var digits: String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  /// Reads 64 hexadecimal digits; nil for other texts.
  init?(digits: String) {
    let values = digits.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
    guard values.count == 64, digits.utf8.count == 64 else { return nil }
    self.init(stride(from: 0, to: 64, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) })
  }
}
