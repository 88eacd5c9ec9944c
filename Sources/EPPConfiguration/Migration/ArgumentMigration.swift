import ArgumentParser

/// Writes the arguments of the endpoint picker in the newest spelling.
package struct ArgumentMigration {
  /// The arguments.
  package private(set) var arguments: [String]
  /// What changed, one sentence for each change.
  package private(set) var changes: [String]

  /// Migrates the arguments of a container.
  ///
  /// - Throws: the parser's error where an argument is unknown or has a wrong value.
  package init(_ arguments: [String]) throws {
    let (normalised, warnings) = FlagSpelling.normalised(arguments)
    _ = try ServeFlags.parse(normalised)
    changes = warnings
    let empty = arguments.count { $0.isEmpty } - normalised.count { $0.isEmpty }
    if empty > 0 { changes.append("\(empty) empty argument\(empty == 1 ? " is" : "s are") left out") }
    self.arguments = []
    var isGates = false
    for argument in normalised {
      if argument == "--feature-gates" {
        isGates = true
      } else if isGates {
        isGates = false
        append(gates: argument)
      } else if argument.hasPrefix("--feature-gates=") {
        append(gates: String(argument.dropFirst("--feature-gates=".count)))
      } else {
        self.arguments.append(argument)
      }
    }
  }

  private mutating func append(gates text: String) {
    let all = text.split(separator: ",").map(String.init)
    let kept = all.filter { !FeatureGate($0).isOutdated }
    for gate in all where FeatureGate(gate).isOutdated {
      changes.append("--feature-gates: '\(gate)' is left out: it has no effect, and newer releases of llm-d refuse it")
    }
    if !kept.isEmpty { arguments.append("--feature-gates=\(kept.joined(separator: ","))") }
  }
}
