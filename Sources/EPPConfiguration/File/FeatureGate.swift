import EPPCore

/// A feature gate of llm-d, as the configuration file and the flag `--feature-gates` name it: `name`, `name=true` or `name=false`.
struct FeatureGate {
  /// What is to be said of a gate.
  enum Finding: Equatable {
    case none
    case note(String)
    case problem(String)
  }

  private let text: String

  init(_ text: String) { self.text = text }

  /// Gates that change nothing here, with the reason; those of older releases too.
  private static let without = [
    "haPopulateNonLeaderDatastore": "every replica has the pool", "prepareDataPlugins": "data producers always run",
    "enableLegacyMetrics": "--legacy-metrics says whether older names are on the page",
    "dataLayer": "the data layer is always on",
  ]
  private static let flowControl = "flowControl"

  /// Whether the gate is one of an older release, which newer ones refuse.
  var isOutdated: Bool { Self.outdated.contains(String(text.prefix { $0 != "=" })) }

  private static let outdated: Set<String> = ["prepareDataPlugins", "enableLegacyMetrics", "dataLayer"]

  /// What is to be said of the gate.
  var finding: Finding {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(parts[0])
    let known = [Self.flowControl] + Self.without.keys.sorted()
    guard known.contains(name) else {
      let near = NearestWord.suggestion(known, for: name)
      let more = near.isEmpty ? " (known: \(known.joined(separator: ", ")))" : near
      return .problem("unknown feature gate '\(name.shortened)'\(more)")
    }
    guard parts.count == 1 || parts[1] == "true" || parts[1] == "false" else {
      return .problem("the feature gate \(name) is either \(name)=true or \(name)=false")
    }
    let isOn = parts.count == 1 || parts[1] == "true"
    guard let reason = Self.without[name] else {
      return isOn
        ? .problem("the feature gate \(name) is known in llm-d but not supported by this version yet") : .none
    }
    return .note("the feature gate \(name) has no effect: \(reason)")
  }
}
