package import EPPScheduling

/// `--scorer NAME=WEIGHT`.
package enum WeightText {
  /// Reads one flag; a weight is 1 where none is given.
  package static func parse(_ text: String) throws(ConfigurationProblem) -> ProfileConfiguration.WeightedScorer {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    guard let type = ScorerConfiguration.TypeName(rawValue: name) else {
      let known = ScorerConfiguration.TypeName.allCases.map(\.rawValue)
      throw ConfigurationProblem(
        "--scorer: there is no scorer '\(name)'\(NearestWord.suggestion(known, for: name)) (known: "
          + known.joined(separator: ", ") + ")")
    }
    var weight = 1.0
    if parts.count == 2 {
      guard let value = Double(parts[1]), value.isFinite, value >= 0 else {
        throw ConfigurationProblem("--scorer: the weight in '\(text)' has to be a number from 0, as in \(name)=2")
      }
      weight = value
    }
    return ProfileConfiguration.WeightedScorer(ScorerConfiguration(defaultsOf: type), weight: weight)
  }
}

extension ScorerConfiguration {
  /// The scorer with its default parameters.
  package init(defaultsOf type: TypeName) {
    self =
      switch type {
      case .queue: .queue
      case .runningRequests: .runningRequests
      case .kvCacheUtilization: .kvCacheUtilization
      case .prefixCache: .prefixCache(PrefixCacheParameters())
      case .loRAAffinity: .loRAAffinity
      case .sessionAffinity: .sessionAffinity(SessionAffinityParameters())
      }
  }
}
