import EPPCore

/// Changes the weights of profiles.
package enum WeightChange {
  /// The largest weight of a scorer.
  package static let heaviest = 1_000_000.0

  /// Returns the profiles with other weights.
  ///
  /// - Parameters:
  ///   - weights: Weights by the names of scorers, or by their types where one scorer alone has the type; a name that is in several
  ///     profiles is changed in all of them.
  ///   - profiles: The profiles in force.
  ///   - plugins: The plugin types that exist, for messages.
  /// - Throws: `WeightProblem` with everything that is wrong: no weight at all, names of no scorer in force, weights out of range.
  package static func applied(
    _ weights: [String: Double], to profiles: [ProfileConfiguration], plugins: PluginList = .standard
  ) throws(WeightProblem) -> [ProfileConfiguration] {
    var problems: [String] = []
    var byName: [String: Double] = [:]
    for (given, weight) in weights.sorted(by: { $0.key < $1.key }) {
      if !(0...heaviest).contains(weight) {
        problems.append("the weight of '\(given.shortened)' has to be from 0 to \(Int(heaviest)), and is \(weight)")
      }
      guard let name = name(of: given, profiles, plugins) else {
        problems.append(unknown(given, profiles, plugins))
        continue
      }
      if byName.updateValue(weight, forKey: name) != nil { problems.append("'\(name)' is named twice") }
    }
    if weights.isEmpty { problems.append("no scorer is named: give one with its weight, such as \(example(profiles))") }
    guard problems.isEmpty else { throw WeightProblem(problems) }
    return profiles.map { profile in
      var changed = profile
      for index in changed.scorers.indices {
        if let weight = byName[changed.scorers[index].plugin.name] { changed.scorers[index].weight = weight }
      }
      return changed
    }
  }

  /// Returns the name of the scorer that is meant; nil for none.
  private static func name(of given: String, _ profiles: [ProfileConfiguration], _ plugins: PluginList) -> String? {
    let names = names(profiles)
    if names.contains(given) { return given }
    guard let descriptor = plugins[given] else { return nil }
    let ofType = profiles.flatMap(\.scorers).filter { $0.plugin.descriptor == descriptor }.map(\.plugin.name)
    return Set(ofType).count == 1 ? ofType.first : nil
  }

  private static func unknown(_ given: String, _ profiles: [ProfileConfiguration], _ plugins: PluginList) -> String {
    let names = names(profiles)
    let inForce = "(in force: \(names.isEmpty ? "none" : names.joined(separator: ", ")))"
    if let descriptor = plugins[given], descriptor.roles.contains(.scorer) {
      let isInForce = profiles.contains { $0.scorers.contains { $0.plugin.descriptor == descriptor } }
      return isInForce
        ? "several scorers are a '\(given)': name one of them \(inForce)"
        : "'\(given)' is not in force: scorers are added by the configuration file or by --scorer, not here \(inForce)"
    }
    return "there is no scorer '\(given.shortened)'\(NearestWord.suggestion(names, for: given)) \(inForce)"
  }

  /// Returns the names of all scorers in force, each once.
  private static func names(_ profiles: [ProfileConfiguration]) -> [String] {
    var result: [String] = []
    for scorer in profiles.flatMap(\.scorers) where !result.contains(scorer.plugin.name) {
      result.append(scorer.plugin.name)
    }
    return result
  }

  private static func example(_ profiles: [ProfileConfiguration]) -> String {
    "{\"\(names(profiles).first ?? QueueScorer.descriptor.type)\": 3}"
  }
}
