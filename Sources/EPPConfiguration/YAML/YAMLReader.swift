import EPPCore
import EPPYAML
import Yams

/// Reads values of a YAML document, and collects all problems instead of stopping at the first.
struct YAMLReader {
  /// The known members of a mapping.
  struct Members {
    /// The mapping, for the position of a missing member.
    var node: Node
    /// Values by name, without those that are null.
    var values: [String: Node] = [:]
    /// Keys by name, for their positions.
    var keys: [String: Node] = [:]

    /// The value of a member; nil when it is absent or null.
    subscript(_ name: String) -> Node? { values[name] }
  }

  /// The problems in the order in which they were found.
  private(set) var problems: [ConfigurationProblem] = []
  /// Parts of the document that are accepted and have no effect, one sentence for each.
  private(set) var notes: [String] = []
  /// `YAMLDocument.renamed` of the document.
  var renamed: [String: String] = [:]

  /// The problems in the order of their positions.
  var sortedProblems: [ConfigurationProblem] {
    let places = problems.enumerated().map { ($1.location?.line ?? 0, $1.location?.column ?? 0, $0) }
    return places.sorted(by: <).map { problems[$0.2] }
  }

  /// Adds a note.
  mutating func note(_ message: String) { notes.append(message) }

  /// Adds a problem at the position of a node.
  mutating func report(_ message: String, _ node: Node) {
    problems.append(
      ConfigurationProblem(message, at: node.mark.map { .init(line: $0.line, column: $0.column) }))
  }

  /// Reads a mapping. Duplicate and unknown members are problems. Nil, with a problem, when the node is no mapping.
  ///
  /// - Parameters:
  ///   - what: The mapping's name, for messages.
  ///   - known: Names of the members that it may have.
  ///   - hint: What to say of an unknown member besides its name; nil for the nearest known name.
  mutating func members(
    _ node: Node, of what: String, known: [String], hint: (String) -> String? = { _ in nil }
  ) -> Members? {
    guard case .mapping(let mapping) = node else {
      // Of an entry of a list it is clear what was meant.
      let key = ["type", "pluginRef"].first { known.contains($0) }
      let value = node.string.map { $0.split(separator: " ").last ?? "" }?.drop { $0 == ":" }
      let more = key.flatMap { key in value.map { ": write '\(key): \(String($0).shortened)'" } } ?? ""
      report("\(what) has to be a mapping\(more)", node)
      return nil
    }
    var result = Members(node: node)
    var seen: Set<String> = []
    let flat = YAMLMapping(mapping, renamed: renamed)
    problems += flat.problems.map { ConfigurationProblem($0) }
    for entry in flat.entries {
      let (key, value) = (entry.key, entry.value)
      guard case .scalar(let scalar) = key else {
        report("a name is expected in \(what)", key)
        continue
      }
      let name = renamed[scalar.string] ?? scalar.string
      guard known.contains(name) else {
        if seen.insert(name).inserted {
          let more = hint(name) ?? NearestWord.suggestion(known, for: name)
          report("unknown field '\(name.shortened)' in \(what)\(more)", key)
        }
        continue
      }
      if !seen.insert(name).inserted { report("'\(name)' is given twice in \(what)", key) }
      result.keys[name] = key
      result.values[name] = isNull(value) ? nil : value
    }
    return result
  }

  /// Reads a list. Empty when the node is absent or null, and, with a problem, when it is no list.
  mutating func list(_ node: Node?, _ what: String) -> [Node] {
    guard let node, !isNull(node) else { return [] }
    guard case .sequence(let sequence) = node else {
      report("\(what) has to be a list", node)
      return []
    }
    return Array(sequence)
  }

  /// Reads a text. Nil when the node is absent, and, with a problem, when it is no text or empty. In YAML a number or Boolean
  /// without quotes is no text.
  mutating func string(_ node: Node?, _ what: String) -> String? {
    guard let node else { return nil }
    guard case .scalar(let scalar) = node, !isNull(node) else {
      report("\(what) has to be text", node)
      return nil
    }
    guard node.tag.rawValue == Tag.Name.str.rawValue else {
      report("\(what) has to be text: put '\(scalar.string.shortened)' in quotes", node)
      return nil
    }
    guard !scalar.string.isEmpty else {
      report("\(what) must not be empty", node)
      return nil
    }
    return scalar.string
  }

  /// Reads a list of texts.
  mutating func strings(_ node: Node?, _ what: String) -> [String] {
    var result: [String] = []
    for item in list(node, what) {
      if let text = string(item, "an entry of \(what)") { result.append(text) }
    }
    return result
  }

  /// Reads a mapping with any names to texts. Nil, with a problem, when it is none.
  mutating func stringMap(_ node: Node, _ what: String) -> [String: String]? {
    map(node, what) { reader, value, name in reader.string(value, "'\(name)' in \(what)") }
  }

  /// Reads a mapping with any names to lists of texts. Nil, with a problem, when it is none.
  mutating func stringListMap(_ node: Node, _ what: String) -> [String: [String]]? {
    map(node, what) { reader, value, name in reader.strings(value, "'\(name)' in \(what)") }
  }

  private mutating func map<Value>(
    _ node: Node, _ what: String, _ read: (inout YAMLReader, Node, String) -> Value?
  ) -> [String: Value]? {
    guard case .mapping(let mapping) = node else {
      report("\(what) has to be a mapping", node)
      return nil
    }
    var result: [String: Value] = [:]
    let flat = YAMLMapping(mapping, renamed: renamed)
    problems += flat.problems.map { ConfigurationProblem($0) }
    for entry in flat.entries {
      guard case .scalar(let scalar) = entry.key else {
        report("a name is expected in \(what)", entry.key)
        continue
      }
      let name = renamed[scalar.string] ?? scalar.string
      if result[name] != nil { report("'\(name)' is given twice in \(what)", entry.key) }
      if let value = read(&self, entry.value, name) { result[name] = value }
    }
    return result
  }

  /// Reads the name of an HTTP header, and returns it in lower case. Nil, with a problem, when it is none.
  mutating func headerName(_ node: Node?, _ what: String) -> String? {
    guard let node, let text = string(node, what) else { return nil }
    let isToken = text.utf8.allSatisfy { byte in
      switch byte {
      case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
      default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
      }
    }
    guard isToken, text.utf8.count <= 256 else {
      report("\(what) has to be the name of a header, not '\(text.shortened)'", node)
      return nil
    }
    return text.lowercased()
  }

  /// Reads an integer in a range. Nil when the node is absent, and, with a problem, when it is none.
  mutating func integer(_ node: Node?, _ what: String, _ range: ClosedRange<Int>) -> Int? {
    guard let node else { return nil }
    guard let text = plain(node), let value = Int(text), range.contains(value) else {
      report(
        "\(what) has to be a whole number from \(range.lowerBound) to \(range.upperBound)\(unquoted(node) ?? "")", node)
      return nil
    }
    return value
  }

  /// Reads a number in a range. Nil when the node is absent, and, with a problem, when it is none.
  mutating func number(_ node: Node?, _ what: String, _ range: ClosedRange<Double>) -> Double? {
    guard let node else { return nil }
    guard let text = plain(node), text.utf8.allSatisfy({ "+-.0123456789eE".utf8.contains($0) }),
      let value = Double(text), range.contains(value)
    else {
      // The smallest number that is taken stands for all above 0.
      let least =
        range.lowerBound > 0 && range.lowerBound < 0.001 ? "above 0, up to" : "from \(range.lowerBound.shortText) to"
      let more = unquoted(node) ?? (range.upperBound == 1 ? share(node) : nil) ?? ""
      report("\(what) has to be a number \(least) \(range.upperBound.shortText)\(more)", node)
      return nil
    }
    return value
  }

  /// What to say of a number in quotes; nil for another node.
  private func unquoted(_ node: Node) -> String? {
    guard case .scalar(let scalar) = node, plain(node) == nil, Double(scalar.string) != nil else { return nil }
    return ": write \(scalar.string.shortened) without quotes"
  }

  /// What to say of a number of percent where a share is wanted; nil for another node.
  private func share(_ node: Node) -> String? {
    guard let text = plain(node), let percent = Double(text.hasSuffix("%") ? String(text.dropLast()) : text),
      percent >= 10, percent <= 100
    else { return nil }
    return ": write \(percent.shortText) % as \((percent / 100).shortText)"
  }

  /// Reads a Boolean. Nil when the node is absent, and, with a problem, when it is none.
  mutating func boolean(_ node: Node?, _ what: String) -> Bool? {
    guard let node else { return nil }
    // The words of YAML 1.1, which llm-d's decoder takes as well.
    switch plain(node)?.lowercased() {
    case "true", "yes", "on": return true
    case "false", "no", "off": return false
    default:
      report("\(what) has to be true or false", node)
      return nil
    }
  }

  /// Returns the text of a scalar without quotes; nil for other nodes.
  func plain(_ node: Node) -> String? {
    guard case .scalar(let scalar) = node, scalar.style == .plain || scalar.style == .any else { return nil }
    return scalar.string
  }

  /// Whether a node is null: empty, `~` or `null` without quotes.
  func isNull(_ node: Node) -> Bool { plain(node).map { ["", "~", "null", "Null", "NULL"].contains($0) } ?? false }
}
