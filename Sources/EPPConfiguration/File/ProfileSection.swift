import EPPScheduling
import Yams

/// Reads the section `schedulingProfiles`: the plugins of the scheduling profiles.
struct ProfileSection {
  /// A plugin of a profile.
  private struct Entry {
    var name: String
    var weight: Double?
    var node: Node
  }

  private let plugins: PluginSection

  init(_ plugins: PluginSection) { self.plugins = plugins }

  /// Reads the section, and returns the profiles, at least one. Without the section, one profile has all plugins.
  func read(_ node: Node?, _ reader: inout YAMLReader) -> [ProfileConfiguration] {
    let nodes = reader.list(node, "schedulingProfiles")
    guard !nodes.isEmpty else {
      // As llm-d does: one profile of all that there is, in the order of the file, each scorer with weight 1.
      let entries = plugins.names.compactMap { name in plugins[name].map { Entry(name: name, node: $0.node) } }
      return [assembled("default", entries, &reader)]
    }
    var result: [ProfileConfiguration] = []
    for node in nodes {
      guard let profile = profile(reading: node, &reader) else { continue }
      if result.contains(where: { $0.name == profile.name }) {
        reader.report("there are two profiles named '\(profile.name)'; give one of them another name", node)
      }
      result.append(profile)
    }
    noteIdleScorers(result, &reader)
    return result.isEmpty ? [.weighted] : result
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
      if let plugin = plugins[reference]?.plugin, members["weight"] != nil, !plugin.descriptor.roles.contains(.scorer) {
        reader.note("the weight of '\(reference)' has no effect: it is \(plugin.descriptor.roleWithArticle), no scorer")
      }
      if let plugin = plugins[reference]?.plugin,
        plugin.descriptor.roles.allSatisfy({ ![.filter, .scorer, .picker, .observer].contains($0) })
      {
        reader.note("'\(reference)' has no effect in a profile: it is \(plugin.descriptor.roleWithArticle)")
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
      guard let plugin = plugins.plugin(named: entry.name) else { continue }
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

  private func noteIdleScorers(_ profiles: [ProfileConfiguration], _ reader: inout YAMLReader) {
    for plugin in plugins.plugins
    where plugin.descriptor.roles.contains(.scorer)
      && !profiles.contains(where: { $0.scorers.contains { $0.plugin == plugin } })
    {
      reader.note("the scorer '\(plugin.name)' has no effect: no profile names it")
    }
  }
}

/// Checks the profile handler against the profiles.
struct ProfileHandlerCheck {
  private let plugins: PluginSection

  init(_ plugins: PluginSection) { self.plugins = plugins }

  /// Returns the profile handler; nil for one profile without a handler that does more than run it.
  func handler(of profiles: [ProfileConfiguration], _ reader: inout YAMLReader) -> ConfiguredPlugin? {
    let entry = plugins.names.compactMap { plugins[$0] }.first { $0.has(.profileHandler) }
    guard let entry, let handler = entry.plugin else {
      if profiles.count > 1, let node = plugins.node {
        reader.report(
          "several scheduling profiles need a profile handler in plugins, such as '- type: \(PluginList.stagedHandler.type)'",
          node)
      }
      return nil
    }
    let isSingle = handler.descriptor == PluginList.singleProfileHandler
    if isSingle, profiles.count > 1 {
      reader.report(
        "\(handler.descriptor.type) takes one scheduling profile, and there are \(profiles.count)", entry.node)
    }
    for need in handler.descriptor.profileNames(handler.arguments)
    where !profiles.contains(where: { $0.name == need.name }) {
      let text = "\(handler.descriptor.type) names the profile '\(need.name)', which schedulingProfiles does not have"
      if need.isNeeded { reader.report(text, entry.node) } else { reader.note(text + ": no request gets this stage") }
    }
    return isSingle ? nil : handler
  }
}
