import EPPCore
package import EPPScheduling
import EPPYAML
import Yams

/// Writes a configuration file in the newest form of llm-d's. The result makes the same decisions as the file does here.
package struct ConfigurationMigration {
  /// The file in the newest form.
  package private(set) var text = ""
  /// What changed, one sentence for each change.
  package private(set) var changes: [String] = []

  private let plugins: [String: ConfiguredPlugin]
  private let list: PluginList
  /// Names of plugins that are left out.
  private var removed: Set<String> = []
  /// Names of plugins whose part as an extractor another one has now, with its name.
  private var extractors: [String: String] = [:]

  /// Migrates a file.
  ///
  /// - Parameters:
  ///   - text: the document, or a ConfigMap with the document.
  ///   - file: the file's name, for the messages.
  /// - Throws: `ConfigurationProblems` with all problems of the document.
  package static func migrate(
    _ text: String, file: String, plugins list: PluginList = .standard
  ) throws(ConfigurationProblems) -> ConfigurationMigration {
    let read = try PickerConfigurationReader.read(text, file: file, plugins: list)
    var inner = text
    do {
      guard var root = try YAMLDocument(text).root else { return ConfigurationMigration(read, list) }
      if let map = ConfigMapDocument(root) {
        inner = try map.member().text
        root = try YAMLDocument(inner).root ?? root
      }
      var migration = ConfigurationMigration(read, list)
      migration.text =
        header(of: inner) + (try Yams.serialize(node: migration.document(root), width: -1, allowUnicode: true))
      return migration
    } catch {
      throw ConfigurationProblems([ConfigurationProblem("\(error)")], file: file)
    }
  }

  private init(_ read: PickerConfigurationFile, _ list: PluginList) {
    plugins = Dictionary(read.plugins.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    self.list = list
  }

  /// The comments before the document.
  private static func header(of text: String) -> String {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).prefix { line in
      line.hasPrefix("#") || line.allSatisfy { $0 == " " || $0 == "\r" }
    }
    return lines.joined(separator: "\n") + (lines.isEmpty ? "" : "\n")
  }

  // MARK: - Sections

  private typealias Members = [(key: String, value: Node)]

  private mutating func document(_ root: Node) -> Node {
    var members = Self.members(root)
    let newest = PickerConfigurationReader.versions[0]
    members = members.map { key, value in
      guard key == "apiVersion", let version = value.string, version != newest else { return (key, value) }
      changes.append("apiVersion: '\(version)' is '\(newest)' now")
      return (key, Node(newest))
    }
    update("featureGates", in: &members) { $0.gates($1) }
    update("plugins", in: &members) { $0.pluginList($1) }
    update("schedulingProfiles", in: &members) { $0.profiles($1) }
    update("dataLayer", in: &members) { $0.dataLayer($1) }
    move("saturationDetector", to: "flowControl", "saturationDetector", in: &members) { $0 }
    move("parser", to: "requestHandler", "parsers", in: &members) { .sequence(Node.Sequence([$0])) }
    return Self.mapping(members)
  }

  private mutating func gates(_ node: Node) -> Node? {
    guard case .sequence(let gates) = node else { return node }
    let kept = gates.filter { gate in
      guard let text = gate.string, FeatureGate(text).isOutdated else { return true }
      changes.append("featureGates: '\(text)' is left out: it has no effect, and newer releases of llm-d refuse it")
      return false
    }
    return kept.isEmpty ? nil : .sequence(Node.Sequence(kept))
  }

  private mutating func pluginList(_ node: Node) -> Node? {
    guard case .sequence(let entries) = node else { return node }
    return .sequence(Node.Sequence(entries.flatMap { entry($0) }))
  }

  private mutating func entry(_ node: Node) -> [Node] {
    var members = Self.members(node)
    let value = { (key: String) in members.first { $0.key == key }?.value.string }
    guard let type = value("type"), let plugin = plugins[value("name") ?? type] else { return [Self.plain(node)] }
    if let migration = plugin.descriptor.migration(plugin) {
      let added = migration.plugins.filter { $0.name != plugin.name }
      if let taken = added.first(where: { plugins[$0.name] != nil }) {
        changes.append("plugins: '\(plugin.name)' stays as it is, because '\(taken.name)' is there already")
      } else {
        let isRenamed = type != plugin.descriptor.type && !migration.plugins.isEmpty
        if isRenamed { changes.append("plugins: the type '\(type)' is '\(plugin.descriptor.type)' now") }
        changes.append("plugins: '\(plugin.name)' \(migration.change)")
        if migration.plugins.isEmpty { removed.insert(plugin.name) }
        if let extractor = migration.plugins.first(where: { $0.descriptor.roles.contains(.extractor) }) {
          extractors[plugin.name] = extractor.name
        }
        return migration.plugins.map(MigratedPlugin.node)
      }
    }
    guard type != plugin.descriptor.type, let index = members.firstIndex(where: { $0.key == "type" }) else {
      return [Self.mapping(members)]
    }
    changes.append("plugins: the type '\(type)' is '\(plugin.descriptor.type)' now")
    members[index].value = Node(plugin.descriptor.type)
    // What refers to it, and the labels of its metrics, keep its name.
    if value("name") == nil { members.insert(("name", Node(type)), at: 0) }
    return [Self.mapping(members)]
  }

  private mutating func profiles(_ node: Node) -> Node? {
    let removed = removed
    return Self.references(under: "plugins", of: node) { removed.contains($0) ? nil : $0 }
  }

  private mutating func sources(_ node: Node) -> Node? {
    let extractors = extractors
    return Self.references(under: "extractors", of: node) { extractors[$0] ?? $0 }
  }

  /// The entries of a list with the references to plugins in their member `key` changed.
  ///
  /// - Parameter change: the new name for a name; nil leaves the reference out.
  private static func references(under key: String, of node: Node, _ change: (String) -> String?) -> Node {
    guard case .sequence(let entries) = node else { return node }
    let changed = entries.map { entry in
      var members = Self.members(entry)
      for index in members.indices where members[index].key == key {
        guard case .sequence(let references) = members[index].value else { continue }
        members[index].value = .sequence(Node.Sequence(references.compactMap { reference($0, change) }))
      }
      return mapping(members)
    }
    return .sequence(Node.Sequence(changed))
  }

  private static func reference(_ node: Node, _ change: (String) -> String?) -> Node? {
    var members = Self.members(node)
    guard let index = members.firstIndex(where: { $0.key == "pluginRef" }), let old = members[index].value.string
    else { return plain(node) }
    guard let new = change(old) else { return nil }
    guard new != old else { return plain(node) }
    members[index].value = Node(new)
    return mapping(members)
  }

  private mutating func dataLayer(_ node: Node) -> Node? {
    var members = Self.members(node)
    var discovery: Members = []
    if let index = members.firstIndex(where: { $0.key == "discovery" }) {
      discovery = Self.members(members[index].value)
      if let old = discovery.firstIndex(where: { $0.key == "pluginRef" }) {
        let reference = Self.mapping([discovery.remove(at: old)])
        if !discovery.contains(where: { $0.key == "endpoints" }) { discovery.insert(("endpoints", reference), at: 0) }
        changes.append("dataLayer: discovery.pluginRef is discovery.endpoints.pluginRef now")
      }
      members[index].value = Self.mapping(discovery)
    }
    update("sources", in: &members) { $0.sources($1) }
    if let index = members.firstIndex(where: { $0.key == "peerDiscovery" }) {
      let peers = members.remove(at: index).value
      discovery.append(("peers", Self.plain(peers)))
      Self.set("discovery", Self.mapping(discovery), in: &members)
      changes.append("dataLayer: peerDiscovery is discovery.peers now")
    }
    let syncer = [
      ("crossReplicaSyncerPluginRef", "syncerPluginRef"), ("crossReplicaSyncInterval", "syncInterval"),
      ("crossReplicaPublishTimeout", "publishTimeout"),
    ]
    var shared: Members = []
    for (old, new) in syncer {
      guard let index = members.firstIndex(where: { $0.key == old }) else { continue }
      shared.append((new, Self.plain(members.remove(at: index).value)))
      changes.append("dataLayer: \(old) is crossReplica.\(new) now")
    }
    if !shared.isEmpty { Self.set("crossReplica", Self.mapping(shared), in: &members) }
    return Self.mapping(members)
  }

  /// Moves a member of the document into a section, unless the section has its successor already.
  private mutating func move(
    _ old: String, to section: String, _ new: String, in members: inout Members, _ value: (Node) -> Node
  ) {
    guard let index = members.firstIndex(where: { $0.key == old }) else { return }
    let moved = Self.plain(members.remove(at: index).value)
    var target = members.first { $0.key == section }.map { Self.members($0.value) } ?? []
    if !target.contains(where: { $0.key == new }) { target.append((new, value(moved))) }
    Self.set(section, Self.mapping(target), in: &members)
    changes.append("'\(old)' is \(section).\(new) now")
  }

  // MARK: - Nodes

  private mutating func update(
    _ key: String, in members: inout Members, _ change: (inout ConfigurationMigration, Node) -> Node?
  ) {
    guard let index = members.firstIndex(where: { $0.key == key }) else { return }
    if let value = change(&self, members[index].value) {
      members[index].value = value
    } else {
      members.remove(at: index)
    }
  }

  private static func set(_ key: String, _ value: Node, in members: inout Members) {
    if let index = members.firstIndex(where: { $0.key == key }) {
      members[index].value = value
    } else {
      members.append((key, value))
    }
  }

  /// The members of a mapping, with those that it merges; none for another node.
  private static func members(_ node: Node) -> Members {
    guard case .mapping(let mapping) = node else { return [] }
    return YAMLMapping(mapping).entries.compactMap { entry in entry.key.string.map { ($0, plain(entry.value)) } }
  }

  private static func mapping(_ members: Members) -> Node {
    .mapping(Node.Mapping(members.map { (Node($0.key), $0.value) }))
  }

  /// A node with its merge keys resolved and without anchors.
  private static func plain(_ node: Node) -> Node {
    switch node {
    case .scalar(let scalar): .scalar(Node.Scalar(scalar.string, scalar.tag, scalar.style))
    case .mapping(let mapping):
      .mapping(
        Node.Mapping(YAMLMapping(mapping).entries.map { (plain($0.key), plain($0.value)) }, .implicit, mapping.style))
    case .sequence(let sequence): .sequence(Node.Sequence(sequence.map(plain), .implicit, sequence.style))
    case .alias: node
    }
  }
}
