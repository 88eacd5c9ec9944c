package import Yams

/// A parsed YAML document: nodes with their positions, and the duplicate keys of its mappings.
///
/// Yams throws at the first duplicate key of a mapping and then returns no nodes. `init` therefore renames the earlier
/// occurrence to private-use characters and parses again, so that duplicates are reported together with all other problems,
/// each at its position.
package struct YAMLDocument {
  /// Keys that are renamed at most; a further duplicate makes `init` throw.
  private static let maximumDuplicates = 100
  /// Unicode scalars that stand for renamed keys: the private use area of the basic plane.
  private static let privateUse: ClosedRange<UInt32> = 0xE000...0xF8FF
  /// The YAML merge key. A mapping may have it more than once.
  static let mergeKey = "<<"

  /// The root node; nil for an empty document.
  package private(set) var root: Node?
  /// Original names of renamed keys, by the names that the nodes have.
  package private(set) var renamed: [String: String] = [:]
  /// One problem for each key that a mapping has twice, at the position of the earlier occurrence.
  package private(set) var duplicates: [YAMLProblem] = []

  /// Decodes the bytes of a file: as UTF-16 when they begin with its byte order mark, else as UTF-8. The result has no byte
  /// order mark. Nil when the bytes are not valid text.
  package static func text(_ bytes: [UInt8]) -> String? {
    switch (bytes.first, bytes.dropFirst().first) {
    case (0xFF, 0xFE): text(bytes.dropFirst(2)) { UInt16($0) | UInt16($1) << 8 }
    case (0xFE, 0xFF): text(bytes.dropFirst(2)) { UInt16($0) << 8 | UInt16($1) }
    default:
      String(validating: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...], as: UTF8.self)
    }
  }

  private static func text(_ bytes: ArraySlice<UInt8>, _ unit: (UInt8, UInt8) -> UInt16) -> String? {
    guard bytes.count.isMultiple(of: 2) else { return nil }
    let units = stride(from: bytes.startIndex, to: bytes.endIndex, by: 2).map { unit(bytes[$0], bytes[$0 + 1]) }
    return String(validating: units, as: UTF16.self)
  }

  /// Parses a document.
  ///
  /// - Parameter text: The document, with or without a byte order mark.
  /// - Throws: `YAMLProblem` when the text is not YAML, or has a duplicate key that cannot be renamed.
  package init(_ text: String) throws(YAMLProblem) {
    var text = text
    if text.unicodeScalars.first == "\u{FEFF}" { text.unicodeScalars.removeFirst() }
    let mayRename = !text.unicodeScalars.contains { Self.privateUse.contains($0.value) }
    while true {
      do {
        root = try Yams.compose(yaml: text)
        return
      } catch {
        guard mayRename, renamed.count < Self.maximumDuplicates,
          case YamlError.duplicatedKeysInMapping(let names, let context) = error, let name = names.first,
          let mark = Unicode.Scalar(Self.privateUse.lowerBound + UInt32(renamed.count)),
          let changed = Self.replace(name, at: context.mark, by: mark, in: text)
        else { throw Self.problem(error, in: text) }
        text = changed
        if name != Self.mergeKey { duplicates.append(Self.problem(error)) }
        renamed[String(repeating: Character(mark), count: name.unicodeScalars.count)] = name
      }
    }
  }

  /// Replaces each scalar of a key at a position by `scalar`, which keeps all later positions. Nil when the text at the
  /// position is not the key's name (an escape, an alias, or a line end that Yams counts differently).
  private static func replace(_ name: String, at mark: Mark, by scalar: Unicode.Scalar, in text: String) -> String? {
    var scalars = Array(text.unicodeScalars)
    var start = 0
    for _ in 1..<max(1, mark.line) {
      guard let end = scalars[start...].firstIndex(of: "\n") else { return nil }
      start = end + 1
    }
    start += mark.column - 1
    if start >= 0, start < scalars.count, scalars[start] == "\"" || scalars[start] == "'" { start += 1 }
    let name = Array(name.unicodeScalars)
    guard start >= 0, !name.isEmpty, start + name.count <= scalars.count,
      scalars[start..<start + name.count].elementsEqual(name)
    else { return nil }
    for index in start..<start + name.count { scalars[index] = scalar }
    var result = String.UnicodeScalarView()
    result.append(contentsOf: scalars)
    return String(result)
  }

  /// A problem of the parser, in words that say what to do where its own do not.
  private static func problem(_ error: any Error, in text: String) -> YAMLProblem {
    var problem = problem(error)
    if problem.message.contains("found another document") {
      problem.message = "there is a second document (---): give one"
    }
    guard problem.message.contains("cannot start any token"), let number = problem.line else { return problem }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    if lines.indices.contains(number - 1), lines[number - 1].contains("\t") {
      problem.message = "this is not YAML: there is a tab in the indentation; indent with spaces"
    }
    return problem
  }

  private static func problem(_ error: any Error) -> YAMLProblem {
    guard let error = error as? YamlError else { return YAMLProblem("this is not YAML: \(error)") }
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return YAMLProblem("this is not YAML: \(problem)", line: mark.line, column: mark.column)
    case .duplicatedKeysInMapping(let names, let context):
      return YAMLProblem(
        "'\(names.first ?? "")' is given twice", line: context.mark.line, column: context.mark.column)
    case .reader(let problem, _, _, _): return YAMLProblem("this is not YAML: \(problem)")
    default: return YAMLProblem("this is not YAML")
    }
  }
}
