import EPPYAML
import Testing
import Yams

@Suite struct YAMLDocumentTests {
  /// The entries of the mapping under `a` as text.
  private func entries(_ text: String) throws -> [String] {
    let (flat, renamed) = try flat(text)
    return flat.entries.map { entry in
      let name = entry.key.string ?? "?"
      return "\(renamed[name] ?? name)=\(entry.value.string ?? "?")"
    }
  }

  private func problems(_ text: String) throws -> [YAMLProblem] { try flat(text).mapping.problems }

  private func flat(_ text: String) throws -> (mapping: YAMLMapping, renamed: [String: String]) {
    let document = try YAMLDocument(text)
    let mapping = try #require(document.root?.mapping?["a"]?.mapping)
    return (YAMLMapping(mapping, renamed: document.renamed), document.renamed)
  }

  private let anchors = """
    x: &x {p: 1, q: 2}
    y: &y {q: 3, r: 4}

    """

  @Test func aMergeKeyBringsTheEntriesOfItsMapping() throws {
    #expect(try entries(anchors + "a: {<<: *x, s: 5}") == ["s=5", "p=1", "q=2"])
    #expect(try entries("a: {<<: {p: 1}}") == ["p=1"])
  }

  @Test func ownEntriesCountWhereverTheMergeKeyStands() throws {
    #expect(try entries(anchors + "a: {<<: *x, q: 9}") == ["q=9", "p=1"])
    #expect(try entries(anchors + "a: {q: 9, <<: *x}") == ["q=9", "p=1"])
  }

  @Test func ofAListTheEarlierMappingCounts() throws {
    #expect(try entries(anchors + "a: {<<: [*x, *y]}") == ["p=1", "q=2", "r=4"])
    #expect(try entries(anchors + "a: {<<: [*y, *x]}") == ["q=3", "r=4", "p=1"])
  }

  @Test func mergeKeysMayStandTwiceAndInWhatIsMerged() throws {
    #expect(try entries(anchors + "a: {<<: *x, <<: *y}") == ["p=1", "q=2", "r=4"])
    #expect(try entries(anchors + "z: &z {<<: *y, p: 7}\na: {<<: *z}") == ["p=7", "q=3", "r=4"])
    #expect(try YAMLDocument(anchors + "a: {<<: *x, <<: *y}").duplicates.isEmpty)
  }

  @Test func inQuotesItIsAName() throws {
    #expect(try entries(#"a: {"<<": 1}"#) == ["<<=1"])
  }

  @Test func whatIsNoMappingIsAProblemAtItsPlace() throws {
    for text in ["a: {<<: 1}", "a: {<<: }", "a: {<<: [1]}"] {
      let problem = try #require(try problems(text).first)
      #expect(problem.message.hasPrefix("'<<' takes a mapping or a list of mappings"))
      #expect(problem.line == 1)
    }
  }

  @Test func aFewLinesDoNotBecomeMillions() throws {
    var text = "m0: &m0 {k: 1}\n"
    for level in 1...12 {
      text += "m\(level): &m\(level) {<<: [\(Array(repeating: "*m\(level - 1)", count: 10).joined(separator: ", "))]}\n"
    }
    #expect(try problems(text + "a: *m12").map(\.message) == ["more than 1000 mappings are merged"])
    var deep = "m0: &m0 {k: 1}\n"
    for level in 1...20_000 { deep += "m\(level): &m\(level) {<<: *m\(level - 1)}\n" }
    #expect(try problems(deep + "a: *m20000").map(\.message) == ["more than 1000 mappings are merged"])
  }

  @Test func aByteOrderMarkIsNoPartOfTheText() throws {
    #expect(try YAMLDocument("\u{FEFF}a: 1").root?.mapping?["a"]?.string == "1")
    #expect(YAMLDocument.text([0xEF, 0xBB, 0xBF] + Array("a: é".utf8)) == "a: é")
    #expect(YAMLDocument.text(Array("a: é".utf8)) == "a: é")
    let units = Array("a: é".utf16)
    #expect(YAMLDocument.text([0xFF, 0xFE] + units.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }) == "a: é")
    #expect(YAMLDocument.text([0xFE, 0xFF] + units.flatMap { [UInt8($0 >> 8), UInt8($0 & 0xFF)] }) == "a: é")
    #expect(YAMLDocument.text([]) == "")
  }

  @Test(arguments: [[0xFF], [0x61, 0xC3], [0xFF, 0xFE, 0x61], [0xFE, 0xFF, 0xD8, 0x00]] as [[UInt8]])
  func bytesThatAreNoTextAreNone(_ bytes: [UInt8]) { #expect(YAMLDocument.text(bytes) == nil) }

  @Test func aKeyThatIsGivenTwiceIsADuplicateAtItsPlace() throws {
    let document = try YAMLDocument("a: 1\nb:\n  c: 1\n  c: 2\n")
    #expect(document.duplicates == [YAMLProblem("'c' is given twice", line: 3, column: 3)])
  }
}
