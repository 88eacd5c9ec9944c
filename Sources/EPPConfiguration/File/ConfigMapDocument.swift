import EPPCore
import Yams

/// A ConfigMap that holds a configuration file under one of its keys, as `kubectl get configmap -o yaml` prints it.
struct ConfigMapDocument {
  /// A key with a configuration file.
  struct Member {
    /// The key in `data`.
    var key: String
    /// The configuration file.
    var text: String
    /// Where the value stands in the ConfigMap; nil when it is not known.
    fileprivate var mark: Mark?
    /// Whether each line of the value is a line of the ConfigMap.
    fileprivate var isLiteral: Bool
  }

  /// The node, for positions.
  private let root: Node
  private let members: [Member]

  /// Nil when the document is no ConfigMap.
  init?(_ root: Node) {
    guard case .mapping(let mapping) = root, Self.text(mapping["kind"]) == "ConfigMap" else { return nil }
    self.root = root
    var members: [Member] = []
    if case .mapping(let data)? = mapping["data"] {
      for (key, value) in data {
        guard let key = Self.text(key), case .scalar(let scalar) = value, Self.isConfiguration(scalar.string) else {
          continue
        }
        members.append(
          Member(key: key, text: scalar.string, mark: value.mark, isLiteral: scalar.style == .literal))
      }
    }
    self.members = members
  }

  private static func text(_ node: Node?) -> String? {
    if case .scalar(let scalar)? = node { scalar.string } else { nil }
  }

  private static func isConfiguration(_ text: String) -> Bool { text.contains("EndpointPickerConfig") }

  /// The key with the configuration file.
  func member() throws(ConfigurationProblem) -> Member {
    let place = root.mark.map { ConfigurationProblem.Location(line: $0.line, column: $0.column) }
    guard let first = members.first else {
      throw ConfigurationProblem("this is a ConfigMap, and no key of its data has an EndpointPickerConfig", at: place)
    }
    guard members.count == 1 else {
      throw ConfigurationProblem(
        "this is a ConfigMap, and several keys of its data have an EndpointPickerConfig: "
          + members.map(\.key).joined(separator: ", ") + "; give one of them alone", at: place)
    }
    return first
  }

  /// Problems of a key's text, at their positions in the ConfigMap.
  ///
  /// - Parameter text: the text of the ConfigMap.
  static func placed(_ problems: ConfigurationProblems, of member: Member, in text: String) -> ConfigurationProblems {
    var result = problems
    for index in result.problems.indices {
      guard let mark = member.mark, let location = result.problems[index].location else { continue }
      if member.isLiteral {
        // The value begins in the line behind its indicator, and all lines are indented alike.
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false).dropFirst(mark.line)
        let first = lines.first { !$0.allSatisfy { $0 == " " || $0 == "\r" } }
        let indentation = first.map { $0.prefix { $0 == " " }.count } ?? 0
        result.problems[index].location = .init(line: mark.line + location.line, column: indentation + location.column)
      } else {
        result.problems[index].message =
          "line \(location.line) of data.'\(member.key)': " + result.problems[index].message
        result.problems[index].location = .init(line: mark.line, column: mark.column)
      }
    }
    return result
  }
}
