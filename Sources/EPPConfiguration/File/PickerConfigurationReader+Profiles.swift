import EPPScheduling
import Yams

/// `schedulingProfiles`.
extension PickerConfigurationReader {
  /// A plugin of a profile.
  private struct Entry {
    var name: String
    var weight: Double?
    var node: Node
  }

  mutating func profile(_ node: Node?) -> ProfileConfiguration? {
    let profiles = reader.list(node, "schedulingProfiles")
    guard !profiles.isEmpty else {
      // As the anchor does: one profile of all that there is, in the order of the file, each scorer with weight 1.
      return assembled(
        "default",
        pluginOrder.compactMap { name in
          plugins[name].flatMap { [.scorer, .picker].contains($0.role) ? Entry(name: name, node: $0.node) : nil }
        })
    }
    if profiles.count > 1 {
      reader.report(
        "several scheduling profiles are known in llm-d but not supported by this version yet: keep one", profiles[1])
    }
    var result: ProfileConfiguration?
    for (index, profile) in profiles.enumerated() {
      let read = self.profile(reading: profile)
      if index == 0 { result = read }
    }
    noteIdleScorers(result)
    return result
  }

  private mutating func profile(reading node: Node) -> ProfileConfiguration? {
    guard let members = reader.members(node, of: "a scheduling profile", known: ["name", "plugins"]) else { return nil }
    if members["name"] == nil { reader.report("a scheduling profile needs a name: add 'name: default'", node) }
    let name = reader.string(members["name"], "name") ?? "default"
    var entries: [Entry] = []
    for entry in reader.list(members["plugins"], "the plugins of a profile") {
      let what = "a plugin of a profile"
      guard let members = reader.members(entry, of: what, known: ["pluginRef", "weight"]) else { continue }
      let weight = reader.number(members["weight"], "weight", 0...1_000_000)
      guard let reference = pluginReference(members, of: what, nil) else { continue }
      let role = plugins[reference]?.role ?? .any
      if let weightNode = members["weight"], role != .scorer, role != .any {
        reader.report("only scorers have a weight; '\(reference)' is a \(role.rawValue)", weightNode)
      }
      if role == .detector {
        reader.report("'\(reference)' as a filter is known in llm-d but not supported by this version yet", entry)
      }
      entries.append(Entry(name: reference, weight: weight, node: entry))
    }
    return assembled(name, entries)
  }

  private mutating func assembled(_ name: String, _ entries: [Entry]) -> ProfileConfiguration {
    var scorers: [ProfileConfiguration.WeightedScorer] = []
    var picker: PickerConfiguration?
    for entry in entries {
      guard let plugin = plugins[entry.name] else { continue }
      if let scorer = plugin.scorer {
        if scorers.contains(where: { $0.name == entry.name }) {
          reader.report("'\(entry.name)' is in the profile twice", entry.node)
        }
        scorers.append(ProfileConfiguration.WeightedScorer(name: entry.name, scorer, weight: entry.weight ?? 1))
      } else if let found = plugin.picker {
        if picker != nil { reader.report("a profile has one picker; '\(entry.name)' is a second one", entry.node) }
        picker = found
      }
    }
    // A profile without a picker takes any that is configured, else the one with the highest score.
    let configured = pluginOrder.compactMap { plugins[$0]?.picker }.first
    return ProfileConfiguration(
      name: name, scorers: scorers, picker: picker ?? configured ?? .maximumScore(maximumEndpoints: 1))
  }

  private mutating func noteIdleScorers(_ profile: ProfileConfiguration?) {
    guard let profile else { return }
    for name in pluginOrder
    where plugins[name]?.role == .scorer && !profile.scorers.contains(where: { $0.name == name }) {
      notes.append("the scorer '\(name)' has no effect: no profile names it")
    }
  }
}
