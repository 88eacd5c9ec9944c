import EPPCore
import EPPScheduling
import Yams

/// Reads the section `plugins`, and resolves references of other sections to plugins.
struct PluginSection {
  /// An entry of the section.
  struct Entry {
    /// The position of the plugin's name, or of its type when it has no name.
    var node: Node
    /// The plugin; nil when its type is unknown, missing or not supported. This was reported, so that a reference to it is
    /// accepted in any role.
    var plugin: ConfiguredPlugin?

    /// Whether the plugin is known and has a role.
    func has(_ role: PluginRole) -> Bool { plugin?.descriptor.roles.contains(role) ?? false }
  }

  private let list: PluginList
  private var entries: [String: Entry] = [:]
  /// Names in the order of the file.
  private(set) var names: [String] = []
  private var references: [PluginArgumentsReader.Reference] = []

  init(_ list: PluginList) { self.list = list }

  /// The entry with a name; nil when there is none.
  subscript(_ name: String) -> Entry? { entries[name] }

  /// The section; nil when the document has none.
  private(set) var node: Node?

  /// The plugin with a name, also one that is there without being named; nil when there is none.
  func plugin(named name: String) -> ConfiguredPlugin? {
    if let entry = entries[name] { return entry.plugin }
    return list[name].flatMap { $0.isInjected ? ConfiguredPlugin($0) : nil }
  }

  /// Plugins that the file's plugins need and that it does not have.
  var implied: [ConfiguredPlugin] {
    var result: [ConfiguredPlugin] = []
    for descriptor in plugins.compactMap({ $0.descriptor.implied() }) {
      if !(plugins + result).contains(where: { $0.descriptor == descriptor }) {
        result.append(ConfiguredPlugin(descriptor))
      }
    }
    return result
  }

  /// The plugins of known types, in the order of the file.
  var plugins: [ConfiguredPlugin] { names.compactMap { entries[$0]?.plugin } }

  /// Reads the section, and checks the references between plugins.
  mutating func read(_ node: Node?, _ reader: inout YAMLReader) {
    self.node = node
    for node in reader.list(node, "plugins") { readEntry(node, &reader) }
    for reference in references { _ = named(reference.name, reference.node, reference.role, &reader) }
    for name in names.filter({ entries[$0]?.has(.profileHandler) ?? false }).dropFirst() {
      guard let node = entries[name]?.node else { continue }
      reader.report("there is one profile handler at most; '\(name)' is a second one", node)
    }
  }

  private mutating func readEntry(_ node: Node, _ reader: inout YAMLReader) {
    let list = list
    guard
      let members = reader.members(
        node, of: "a plugin", known: ["name", "type", "parameters"],
        hint: { name in
          let type = node.mapping?["type"]?.string
          guard let type, list[type]?.parameters.contains(where: { $0.key == name }) == true else { return nil }
          return ": it is a parameter of \(type), to be indented below 'parameters'"
        })
    else { return }
    let typeName = reader.string(members["type"], "type")
    if members["type"] == nil { reader.report("a plugin needs a type", node) }
    let givenName = reader.string(members["name"], "name")
    guard let name = givenName ?? typeName else { return }
    let place = members["name"] ?? members["type"] ?? node
    guard entries[name] == nil else {
      reader.report("there are two plugins named '\(name.shortened)'; give one of them another name", place)
      return
    }
    var entry = Entry(node: place)
    if let typeName, let typeNode = members["type"] {
      if let descriptor = list[typeName] {
        if let note = descriptor.note(on: typeName) { reader.note(note) }
        var arguments = PluginArgumentsReader(descriptor)
        entry.plugin = ConfiguredPlugin(
          descriptor, name: name, arguments: arguments.read(members["parameters"], typeNode: typeNode, &reader))
        references += arguments.references
      } else if list.isUnsupported(typeName) {
        reader.report(PluginList.unsupportedMessage(typeName), typeNode)
      } else {
        reader.report(
          "unknown plugin type '\(typeName.shortened)'\(NearestWord.suggestion(list.names, for: typeName))", typeNode)
      }
    }
    entries[name] = entry
    names.append(name)
  }

  // MARK: - References from other sections

  /// Reads a mapping whose only key is `pluginRef`. Returns the plugin's name; nil when the mapping is absent, null or wrong.
  ///
  /// - Parameters:
  ///   - what: The mapping's name, for messages.
  ///   - role: The role that the plugin has to have.
  @discardableResult
  func reference(_ node: Node?, _ what: String, _ role: PluginRole, _ reader: inout YAMLReader) -> String? {
    guard let node, !reader.isNull(node), let members = reader.members(node, of: what, known: ["pluginRef"]) else {
      return nil
    }
    return reference(members, of: what, role, &reader)
  }

  /// Returns the plugin name in the member `pluginRef`. Nil, with a problem, when the member is missing, when there is no such
  /// plugin, or when the plugin has not the role.
  ///
  /// - Parameters:
  ///   - what: The mapping's name, for messages.
  ///   - role: The role that the plugin has to have; nil accepts any role.
  func reference(
    _ members: YAMLReader.Members, of what: String, _ role: PluginRole?, _ reader: inout YAMLReader
  ) -> String? {
    guard let node = members["pluginRef"] else {
      reader.report("\(what) needs a pluginRef", members.node)
      return nil
    }
    return reader.string(node, "pluginRef").flatMap { named($0, node, role, &reader) }
  }

  /// Returns a plugin name after a check. Nil, with a problem, when there is no such plugin, or when it has not the role.
  ///
  /// - Parameters:
  ///   - node: The position of the name.
  ///   - role: The role that the plugin has to have; nil accepts any role.
  func named(_ name: String, _ node: Node, _ role: PluginRole?, _ reader: inout YAMLReader) -> String? {
    let injected = list[name].flatMap { $0.isInjected ? $0 : nil }
    guard entries[name] != nil || injected != nil else {
      let namesake = entries.first { $0.value.plugin?.descriptor == list[name] && list[name] != nil }?.key
      let more: String
      if let namesake {
        more = ": the plugin of this type is named '\(namesake.shortened)'"
      } else if list[name] == nil, !list.isUnsupported(name) {
        more = NearestWord.suggestion(names, for: name)
      } else {
        more = ": add '- type: \(name)' to plugins"
      }
      reader.report("there is no plugin named '\(name.shortened)'\(more)", node)
      return nil
    }
    // A plugin whose type was reported is accepted in any role.
    guard let found = entries[name].map({ $0.plugin?.descriptor }) ?? injected else { return name }
    if let role, !found.roles.contains(role) {
      reader.report("'\(name)' is \(found.roleWithArticle); \(role.withArticle) is expected here", node)
      return nil
    }
    return name
  }
}

extension PluginDescriptor {
  /// The name of the first role, which is the main one, with its article.
  var roleWithArticle: String { roles.first?.withArticle ?? "a plugin" }
}
