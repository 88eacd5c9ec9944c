/// A selector of objects by their labels: terms in the syntax of kubectl, all of which must hold.
///
/// Terms are `app=vllm`, `app==vllm`, `app!=vllm`, `role in (prefill,decode)`, `role notin (a,b)`, `app` (the label exists) and
/// `!app` (the label does not exist).
package struct LabelSelector: Hashable, Sendable, CustomStringConvertible {
  /// Condition on the value of a label.
  package enum Condition: Hashable, Sendable {
    case isIn(Set<String>)
    /// The label has another value or does not exist.
    case isNotIn(Set<String>)
    case exists
    case isAbsent
  }

  /// A label with a condition on its value.
  package struct Term: Hashable, Sendable {
    package var label: String
    package var condition: Condition

    package init(label: String, _ condition: Condition) {
      self.label = label
      self.condition = condition
    }
  }

  package let terms: [Term]

  /// Creates a selector of the objects that have all these labels with these values.
  package init(matching labels: [String: String]) {
    terms = labels.sorted { $0.key < $1.key }.map { Term(label: $0.key, .isIn([$0.value])) }
  }

  /// Creates a selector of the objects for which all terms hold; without terms, of all objects.
  package init(_ terms: [Term]) { self.terms = terms }

  /// Reason why a text is not a selector, in one sentence.
  package struct Problem: Error, Equatable, Sendable, CustomStringConvertible {
    package var description: String
  }

  /// Parses terms that are separated by commas. At least one term is required, because no term would select every object.
  ///
  /// - Throws: `Problem` when the text does not follow the syntax.
  package init(_ text: String) throws(Problem) {
    var reader = LabelSelectorReader(text)
    terms = try reader.terms()
  }

  /// Returns whether an object with these labels is selected.
  package func matches(_ labels: [String: String]) -> Bool {
    terms.allSatisfy { term in
      switch term.condition {
      case .isIn(let values): labels[term.label].map(values.contains) ?? false
      case .isNotIn(let values): labels[term.label].map { !values.contains($0) } ?? true
      case .exists: labels[term.label] != nil
      case .isAbsent: labels[term.label] == nil
      }
    }
  }

  /// The selector in the syntax of the Kubernetes API.
  package var description: String {
    terms.map { term in
      switch term.condition {
      case .isIn(let values) where values.count == 1: "\(term.label)=\(values.first ?? "")"
      case .isIn(let values): "\(term.label) in (\(values.sorted().joined(separator: ",")))"
      case .isNotIn(let values) where values.count == 1: "\(term.label)!=\(values.first ?? "")"
      case .isNotIn(let values): "\(term.label) notin (\(values.sorted().joined(separator: ",")))"
      case .exists: term.label
      case .isAbsent: "!\(term.label)"
      }
    }.joined(separator: ",")
  }
}

/// A parser of label selectors, which reads a text from its start to its end.
private struct LabelSelectorReader {
  typealias Problem = LabelSelector.Problem

  private let text: String
  private var rest: Substring

  init(_ text: String) { (self.text, rest) = (text, text[...]) }

  mutating func terms() throws(Problem) -> [LabelSelector.Term] {
    var terms = [try term()]
    while take(",") { terms.append(try term()) }
    skipBlanks()
    guard rest.isEmpty else { throw problem("'\(rest)' is not expected") }
    return terms
  }

  private mutating func term() throws(Problem) -> LabelSelector.Term {
    if take("!") { return LabelSelector.Term(label: try label(), .isAbsent) }
    let label = try label()
    if take("!=") { return LabelSelector.Term(label: label, .isNotIn([try value()])) }
    if take("==") || take("=") { return LabelSelector.Term(label: label, .isIn([try value()])) }
    let before = rest
    switch word() {
    case "in": return LabelSelector.Term(label: label, .isIn(try values()))
    case "notin": return LabelSelector.Term(label: label, .isNotIn(try values()))
    default:
      rest = before
      return LabelSelector.Term(label: label, .exists)
    }
  }

  private mutating func values() throws(Problem) -> Set<String> {
    guard take("(") else { throw problem("'(' is missing before a list of values") }
    var values: Set = [try value()]
    while take(",") { values.insert(try value()) }
    guard take(")") else { throw problem("')' is missing after a list of values") }
    return values
  }

  /// Reads the name of a label: `name` or `prefix/name`.
  private mutating func label() throws(Problem) -> String {
    let label = word()
    let parts = label.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count <= 2, let name = parts.last, Self.isValue(name), !name.isEmpty,
      parts.count == 1 || Self.isSubdomain(parts[0])
    else {
      throw problem(label.isEmpty ? "the name of a label is missing" : "'\(label)' is no name of a label")
    }
    return label
  }

  /// Whether a text is a DNS subdomain (RFC 1123): up to 253 bytes in parts of lower-case letters, digits and `-`, which begin
  /// and end with a letter or a digit.
  private static func isSubdomain(_ text: Substring) -> Bool {
    text.utf8.count <= 253
      && text.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { part in
        !part.isEmpty && part.first != "-" && part.last != "-"
          && part.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
      }
  }

  private mutating func value() throws(Problem) -> String {
    let value = word()
    guard Self.isValue(value[...]) else { throw problem("'\(value)' is no value of a label") }
    return value
  }

  /// Returns whether a text is a value of a label: empty, or up to 63 letters, digits, `-`, `_` and `.`, with a letter or a
  /// digit at each end.
  private static func isValue(_ value: Substring) -> Bool {
    func isAlphanumeric(_ byte: UInt8) -> Bool {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
      default: false
      }
    }
    guard let first = value.utf8.first, let last = value.utf8.last else { return true }
    return value.utf8.count <= 63 && isAlphanumeric(first) && isAlphanumeric(last)
      && value.utf8.allSatisfy { isAlphanumeric($0) || "-_.".utf8.contains($0) }
  }

  /// Skips white space and reads the characters up to the next separator.
  private mutating func word() -> String {
    skipBlanks()
    let word = rest.prefix { !$0.isWhitespace && !",()=!".contains($0) }
    rest = rest[word.endIndex...]
    return String(word)
  }

  private mutating func take(_ token: String) -> Bool {
    skipBlanks()
    guard rest.hasPrefix(token) else { return false }
    rest.removeFirst(token.count)
    return true
  }

  private mutating func skipBlanks() { rest = rest.drop { $0.isWhitespace } }

  private func problem(_ words: String) -> Problem { Problem(description: "label selector '\(text)': \(words)") }
}
