import Testing

@testable import EPPPrefixCache

@Suite struct SharedWordsTests {
  @Test func sizesAreWholePages() {
    for words in [0, 1, 512, 513, 2048, 2049, 5000, 1 << 20] {
      let size = SharedWords.Size(words: words)
      #expect(size.words >= words && size.words % 512 == 0)
    }
  }

  @Test(arguments: [-1, 512, .max, .min]) func aWordOutsideEndsTheProcess(index: Int) async {
    await #expect(processExitsWith: .failure) { [index] in
      let words = try #require(SharedWords(size: .page))
      _ = words.load(index)
    }
    await #expect(processExitsWith: .failure) { [index] in
      let words = try #require(SharedWords(size: .page))
      words.store(1, at: index)
    }
  }
}
