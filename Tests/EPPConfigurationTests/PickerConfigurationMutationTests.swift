import EPPConfiguration
import EPPTestKit
import Testing

/// Whatever is in a file, reading it ends, with a configuration or with places in the file.
@Suite struct PickerConfigurationMutationTests {
  private static let pieces = [
    "type: queue-scorer\n", "- ", "  ", "\n", ":", "[", "]", "{", "}", "\"", "'", "#", "&a ", "*a", "|\n", ">", "? ",
    "!!int ",
    "null", "~", "<<: ", "---\n", "\t", "\r\n", "\u{85}", "\u{E000}", "ü", "\u{FEFF}", "plugins:\n", "weight: .nan",
    "weight: 1e400", "name: 0x10", "schedulingProfiles:\n", "pluginRef: max-score-picker\n", "parameters: {a: b}\n",
  ]

  @Test(arguments: 0..<8)
  func mutatedDocumentsNeverTrap(seed: Int) {
    var generator = SeededGenerator(seed: UInt64(seed))
    for _ in 0..<150 {
      var text = Array(TestText.standard.unicodeScalars)
      for _ in 0..<Int.random(in: 1...6, using: &generator) {
        let start = Int.random(in: 0...text.count, using: &generator)
        let end = min(text.count, start + Int.random(in: 0...20, using: &generator))
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: text.removeSubrange(start..<end)
        case 1: text.insert(contentsOf: text[start..<end], at: Int.random(in: 0...text.count, using: &generator))
        case 2:
          text.replaceSubrange(start..<end, with: (Self.pieces.randomElement(using: &generator) ?? "").unicodeScalars)
        default: text.insert(contentsOf: (Self.pieces.randomElement(using: &generator) ?? "").unicodeScalars, at: start)
        }
      }
      var view = String.UnicodeScalarView()
      view.append(contentsOf: text)
      let lines = String(view).count { $0.isNewline } + 2
      do {
        _ = try PickerConfigurationReader.read(String(view), file: "f")
      } catch {
        #expect(!error.problems.isEmpty)
        for problem in error.problems {
          #expect(problem.location.map { (1...lines).contains($0.line) && $0.column >= 1 } ?? true, "\(problem)")
          #expect(!problem.message.contains("\n"))
        }
      }
    }
  }

  @Test(arguments: ["[", "{a: ", "- ", "? ", "&a [", "a:\n"])
  func deepNestingIsRefused(opening: String) {
    #expect(!TestText.problems(TestText.head + "plugins: " + String(repeating: opening, count: 100_000)).isEmpty)
  }

  @Test func manyDuplicatesAndLongNamesEnd() {
    let duplicates = String(repeating: "kind: EndpointPickerConfig\n", count: 300)
    #expect(!TestText.problems(duplicates).isEmpty)
    #expect(!TestText.problems(String(repeating: "a", count: 500_000) + ": 1").isEmpty)
    #expect(
      TestText.problems(String(repeating: "a", count: 1_100_000)) == ["epp.yaml: it is larger than 1 MiB"])
  }
}
