import EPPCore
package import EPPScheduling

/// Reads `NAME=WEIGHT`, of `--scorer` and of `epp weights`.
package enum WeightText {
  /// Reads one value; the weight is 1 when none is given.
  ///
  /// - Parameters:
  ///   - text: The flag's value.
  ///   - plugins: The plugin types that it may name.
  /// - Throws: `ConfigurationProblem` when there is no such scorer, or when the weight is not a number from 0 to 1,000,000.
  package static func parse(
    _ text: String, plugins: PluginList
  ) throws(ConfigurationProblem) -> ProfileConfiguration.WeightedScorer {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    guard let descriptor = plugins[name], descriptor.roles.contains(.scorer) else {
      if plugins.isUnsupported(name) {
        throw ConfigurationProblem("--scorer: \(PluginList.unsupportedMessage(name))")
      }
      let known = plugins.types(.scorer)
      throw ConfigurationProblem(
        "--scorer: there is no scorer '\(name)'\(NearestWord.suggestion(known, for: name)) (known: "
          + known.joined(separator: ", ") + ")")
    }
    var weight = 1.0
    if parts.count == 2 {
      guard let value = number(parts[1]) else {
        throw ConfigurationProblem("--scorer: the weight in '\(text)' has to be a number from 0, as in \(name)=2")
      }
      weight = value
    }
    // A scorer of the default profile means the same by flag.
    let known = ProfileConfiguration.weighted.scorers.first { $0.plugin.descriptor == descriptor }
    return ProfileConfiguration.WeightedScorer(known?.plugin ?? ConfiguredPlugin(descriptor), weight: weight)
  }

  /// Reads an argument of `epp weights`. Which scorers there are, the process knows that is asked.
  ///
  /// - Throws: `ConfigurationProblem` when the text is not `NAME=WEIGHT` with a number from 0 to 1,000,000.
  package static func assignment(_ text: String) throws(ConfigurationProblem) -> (name: String, weight: Double) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, !parts[0].isEmpty, let weight = number(parts[1]) else {
      throw ConfigurationProblem(
        "'\(text.shortened)' is not NAME=WEIGHT with a weight from 0 to \(Int(WeightChange.heaviest)), such as "
          + "\(QueueScorer.descriptor.type)=3")
    }
    return (String(parts[0]), weight)
  }

  private static func number(_ text: Substring) -> Double? {
    guard text.utf8.allSatisfy({ "+-.0123456789eE".utf8.contains($0) }), let value = Double(text),
      (0...WeightChange.heaviest).contains(value)
    else { return nil }
    return value
  }
}
