import EPPScheduling
import Yams

/// Reads the section `schedulingProfiles`: the plugins of the scheduling profile.
struct ProfileSection {
  /// A plugin of a profile.
  private struct Entry {
    var name: String
    var weight: Double?
    var node: Node
  }

  private let plugins: PluginSection

  init(_ plugins: PluginSection) { self.plugins = plugins }

  /// Reads the section, and returns the first profile; nil when it cannot be read. Without the section, the profile has all
  /// plugins.
  func read(_ node: Node?, _ reader: inout YAMLReader) -> ProfileConfiguration? {
    let profiles = reader.list(node, "schedulingProfiles")
    guard !profiles.isEmpty else {
      // As llm-d does: one profile of all that there is, in the order of the file, each scorer with weight 1.
      let entries = plugins.names.compactMap { name in plugins[name].map { Entry(name: name, node: $0.node) } }
      return assembled("default", entries, &reader)
    }
    if profiles.count > 1 {
      reader.report(
        "several scheduling profiles are known in llm-d but not supported by this version yet: keep one", profiles[1])
    }
    var result: ProfileConfiguration?
    for (index, profile) in profiles.enumerated() {
      let read = self.profile(reading: profile, &reader)
      if index == 0 { result = read }
    }
    noteIdleScorers(result, &reader)
    return result
  }

  private func profile(reading node: Node, _ reader: inout YAMLReader) -> ProfileConfiguration? {
    guard let members = reader.members(node, of: "a scheduling profile", known: ["name", "plugins"]) else { return nil }
    if members["name"] == nil { reader.report("a scheduling profile needs a name: add 'name: default'", node) }
    let name = reader.string(members["name"], "name") ?? "default"
    var entries: [Entry] = []
    for entry in reader.list(members["plugins"], "the plugins of a profile") {
      let what = "a plugin of a profile"
      guard let members = reader.members(entry, of: what, known: ["pluginRef", "weight"]) else { continue }
      let weight = reader.number(members["weight"], "weight", 0...1_000_000)
      guard let reference = plugins.reference(members, of: what, nil, &reader) else { continue }
      if let plugin = plugins[reference]?.plugin {
        let roles = plugin.descriptor.roles
        if let weightNode = members["weight"], !roles.contains(.scorer) {
          reader.report("only scorers have a weight; '\(reference)' is a \(plugin.descriptor.roleName)", weightNode)
        }
        if roles.contains(.detector), !roles.contains(.filter) {
          reader.report("'\(reference)' as a filter is known in llm-d but not supported by this version yet", entry)
        }
      }
      entries.append(Entry(name: reference, weight: weight, node: entry))
    }
    return assembled(name, entries, &reader)
  }

  private func assembled(_ name: String, _ entries: [Entry], _ reader: inout YAMLReader) -> ProfileConfiguration {
    var filters: [ConfiguredPlugin] = []
    var scorers: [ProfileConfiguration.WeightedScorer] = []
    var picker: ConfiguredPlugin?
    for entry in entries {
      guard let plugin = plugins[entry.name]?.plugin else { continue }
      let roles = plugin.descriptor.roles
      if roles.contains(.filter) { filters.append(plugin) }
      if roles.contains(.scorer) {
        if scorers.contains(where: { $0.plugin.name == entry.name }) {
          reader.report("'\(entry.name)' is in the profile twice", entry.node)
        }
        scorers.append(ProfileConfiguration.WeightedScorer(plugin, weight: entry.weight ?? 1))
      }
      if roles.contains(.picker) {
        if picker != nil { reader.report("a profile has one picker; '\(entry.name)' is a second one", entry.node) }
        picker = plugin
      }
    }
    var result = ProfileConfiguration(name: name, filters: filters, scorers: scorers)
    // A profile without a picker takes any that is configured, else the one with the highest score.
    let configured = plugins.plugins.first { $0.descriptor.roles.contains(.picker) }
    if let picker = picker ?? configured { result.picker = picker }
    return result
  }

  private func noteIdleScorers(_ profile: ProfileConfiguration?, _ reader: inout YAMLReader) {
    guard let profile else { return }
    for plugin in plugins.plugins
    where plugin.descriptor.roles.contains(.scorer) && !profile.scorers.contains(where: { $0.plugin == plugin }) {
      reader.note("the scorer '\(plugin.name)' has no effect: no profile names it")
    }
  }
}
