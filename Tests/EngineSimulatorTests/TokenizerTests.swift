import EPPTestKit
import EngineSimulator
import Testing

@Suite struct TokenizerTests {
  private let tokenizer = Tokenizer.trained

  private func text(_ tokens: [UInt32]) -> String { String(decoding: tokenizer.decode(tokens), as: UTF8.self) }

  /// What `scripts/generate/tokenizer --encode` prints: an implementation of its own, in Python.
  @Test(arguments: RecordedTokens.all)
  func textBecomesTheTokensOfTheTrainersOwnImplementation(recorded: RecordedTokens) {
    #expect(tokenizer.encode(recorded.text) == recorded.tokens)
  }

  @Test func specialTokensAreFoundWhereverTheyStand() {
    let tokens = tokenizer.encode("a<|im_start|>b<|im_end|><|endoftext|><|im_start")
    let special = tokens.filter { $0 >= 100_000 }
    #expect(special == [151_644, 151_645, 151_643])
    #expect(text(tokens) == "a<|im_start|>b<|im_end|><|endoftext|><|im_start")
    #expect(tokenizer.name(of: 151_644) == "<|im_start|>")
  }

  /// The text on both sides of a special token is cut as if it stood alone.
  @Test func textIsTokenizedByTheSegmentsBetweenSpecialTokens() {
    let (left, right) = ("What is the time? ", " It is late.\n")
    let tokens = tokenizer.encode("\(left)<|im_end|>\(right)")
    #expect(tokens == tokenizer.encode(left) + [SpecialToken.endOfMessage.rawValue] + tokenizer.encode(right))
  }

  @Test func anyBytesComeBack() {
    var generator = SeededGenerator(seed: 11)
    let alphabet: [UInt8] = Array("etaoin shrdlu's'LL\r\n\t  0123<|im_>é—中🙂".utf8)
    for round in 0..<300 {
      let count = Int.random(in: 0...300, using: &generator)
      let bytes = (0..<count).map { _ in
        round % 3 == 0
          ? UInt8.random(in: .min ... .max, using: &generator) : alphabet.randomElement(using: &generator) ?? 0
      }
      let tokens = tokenizer.encode(bytes)
      #expect(tokenizer.decode(tokens) == bytes)
      #expect(tokens.allSatisfy { $0 < tokenizer.vocabularySize || SpecialToken(rawValue: $0) != nil })
    }
  }

  @Test func aLongTextWithoutASpaceIsNoTrouble() {
    let letters = (0..<200_000).map { UInt8(ascii: "a") + UInt8($0 * $0 % 23) }
    let tokens = tokenizer.encode(letters)
    #expect(tokenizer.decode(tokens) == letters)
    #expect(tokens.count < letters.count)
    let signs = Array(repeating: UInt8(ascii: "="), count: 200_000)
    #expect(tokenizer.decode(tokenizer.encode(signs)) == signs)
  }

  @Test func tokensThatThereAreNotAreNoText() {
    #expect(tokenizer.decode([UInt32(tokenizer.vocabularySize), 151_646, .max]).isEmpty)
    #expect(tokenizer.name(of: .max).isEmpty)
  }

  @Test func namesAreWrittenInVisibleCharacters() {
    let names = tokenizer.encode(" the\n").map { tokenizer.name(of: $0) }
    #expect(names == ["Ġthe", "Ċ"])
    #expect((0..<256).map { tokenizer.name(of: $0) }.allSatisfy { $0.unicodeScalars.count == 1 && $0 != " " })
  }
}
