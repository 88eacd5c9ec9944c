import EPPCore
package import EPPScheduling

/// Reads the values of `--scorer NAME=WEIGHT`.
package enum WeightText {
  private static let heaviest = 1_000_000.0

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
      guard parts[1].utf8.allSatisfy({ "+-.0123456789eE".utf8.contains($0) }), let value = Double(parts[1]),
        (0...heaviest).contains(value)
      else {
        throw ConfigurationProblem("--scorer: the weight in '\(text)' has to be a number from 0, as in \(name)=2")
      }
      weight = value
    }
    return ProfileConfiguration.WeightedScorer(ConfiguredPlugin(descriptor), weight: weight)
  }
}
