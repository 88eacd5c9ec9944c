import Yams

/// Walks a YAML document and gathers every problem instead of stopping at the first.
struct YAMLReader {
  private(set) var problems: [ConfigurationProblem] = []

  mutating func report(_ message: String, _ node: Node) {
    problems.append(ConfigurationProblem(message, at: Self.location(node)))
  }

  static func location(_ node: Node) -> ConfigurationProblem.Location? {
    node.mark.map { ConfigurationProblem.Location(line: $0.line, column: $0.column) }
  }

  /// The members of a mapping by name, each once, only known ones. Nil and a problem when it is something else.
  mutating func members(_ node: Node, of what: String, known: [String]) -> [String: Node]? {
    guard let mapping = node.mapping else {
      report("\(what) has to be a mapping", node)
      return nil
    }
    var result: [String: Node] = [:]
    for (key, value) in mapping {
      guard let name = key.scalar?.string else {
        report("a name is expected in \(what)", key)
        continue
      }
      guard known.contains(name) else {
        report("unknown field '\(name)' in \(what)\(NearestWord.suggestion(known, for: name))", key)
        continue
      }
      if result.updateValue(value, forKey: name) != nil { report("'\(name)' is given twice in \(what)", key) }
    }
    return result
  }

  mutating func list(_ node: Node?, _ what: String) -> [Node] {
    guard let node, !isNull(node) else { return [] }
    guard let sequence = node.sequence else {
      report("\(what) has to be a list", node)
      return []
    }
    return Array(sequence)
  }

  mutating func string(_ node: Node?, _ what: String) -> String? {
    guard let node else { return nil }
    guard let scalar = node.scalar, !isNull(node) else {
      report("\(what) has to be text", node)
      return nil
    }
    return scalar.string
  }

  mutating func integer(_ node: Node?, _ what: String, _ range: ClosedRange<Int>) -> Int? {
    guard let node else { return nil }
    guard let text = node.scalar?.string, let value = Int(text), range.contains(value) else {
      report("\(what) has to be a whole number from \(range.lowerBound) to \(range.upperBound)", node)
      return nil
    }
    return value
  }

  mutating func number(_ node: Node?, _ what: String, _ range: ClosedRange<Double>) -> Double? {
    guard let node else { return nil }
    guard let text = node.scalar?.string, let value = Double(text), range.contains(value) else {
      report("\(what) has to be a number from \(range.lowerBound) to \(range.upperBound)", node)
      return nil
    }
    return value
  }

  mutating func boolean(_ node: Node?, _ what: String) -> Bool? {
    guard let node else { return nil }
    switch node.scalar?.string {
    case "true": return true
    case "false": return false
    default:
      report("\(what) has to be true or false", node)
      return nil
    }
  }

  func isNull(_ node: Node) -> Bool {
    guard let scalar = node.scalar, scalar.style == .plain || scalar.style == .any else { return false }
    return scalar.string.isEmpty || scalar.string == "null" || scalar.string == "~"
  }
}
