import EPPCore
import EPPScheduling
import Yams

/// `plugins`: what the file declares, and what other sections may refer to.
struct PluginSection {
  /// An entry.
  struct Entry {
    /// Where its name is, else its type.
    var node: Node
    /// Nil when its type is unknown, missing or not supported, which was reported: it fits everywhere, so that one mistake is
    /// one message.
    var plugin: ConfiguredPlugin?

    func has(_ role: PluginRole) -> Bool { plugin?.descriptor.roles.contains(role) ?? false }
  }

  private let list: PluginList
  private var entries: [String: Entry] = [:]
  /// Names in the order of the file.
  private(set) var names: [String] = []
  private var references: [PluginArgumentsReader.Reference] = []

  init(_ list: PluginList) { self.list = list }

  subscript(_ name: String) -> Entry? { entries[name] }

  /// The plugins in the order of the file.
  var plugins: [ConfiguredPlugin] { names.compactMap { entries[$0]?.plugin } }

  mutating func read(_ node: Node?, _ reader: inout YAMLReader) {
    for node in reader.list(node, "plugins") { readEntry(node, &reader) }
    for reference in references { _ = named(reference.name, reference.node, reference.role, &reader) }
    for name in names.filter({ entries[$0]?.has(.profileHandler) ?? false }).dropFirst() {
      guard let node = entries[name]?.node else { continue }
      reader.report("there is one profile handler at most; '\(name)' is a second one", node)
    }
  }

  private mutating func readEntry(_ node: Node, _ reader: inout YAMLReader) {
    guard let members = reader.members(node, of: "a plugin", known: ["name", "type", "parameters"]) else { return }
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
        var arguments = PluginArgumentsReader(descriptor)
        entry.plugin = ConfiguredPlugin(
          descriptor, name: name, arguments: arguments.read(members["parameters"], typeNode: typeNode, &reader))
        references += arguments.references
      } else if list.isUnsupported(typeName) {
        reader.report("'\(typeName)' is known in llm-d but not supported by this version yet", typeNode)
      } else {
        reader.report(
          "unknown plugin type '\(typeName.shortened)'\(NearestWord.suggestion(list.names, for: typeName))", typeNode)
      }
    }
    entries[name] = entry
    names.append(name)
  }

  // MARK: - References from other sections

  /// A mapping with a `pluginRef` alone.
  @discardableResult
  func reference(_ node: Node?, _ what: String, _ role: PluginRole, _ reader: inout YAMLReader) -> String? {
    guard let node, !reader.isNull(node), let members = reader.members(node, of: what, known: ["pluginRef"]) else {
      return nil
    }
    return reference(members, of: what, role, &reader)
  }

  /// The name in `pluginRef`; nil and a problem when it is missing, when there is no such plugin, or when it is of
  /// another role. Nil as role means any.
  func reference(
    _ members: YAMLReader.Members, of what: String, _ role: PluginRole?, _ reader: inout YAMLReader
  ) -> String? {
    guard let node = members["pluginRef"] else {
      reader.report("\(what) needs a pluginRef", members.node)
      return nil
    }
    return reader.string(node, "pluginRef").flatMap { named($0, node, role, &reader) }
  }

  /// The same for a bare name.
  func named(_ name: String, _ node: Node, _ role: PluginRole?, _ reader: inout YAMLReader) -> String? {
    let injected = list[name].flatMap { $0.isInjected ? $0 : nil }
    guard entries[name] != nil || injected != nil else {
      let more =
        list[name] == nil && !list.isUnsupported(name)
        ? NearestWord.suggestion(names, for: name) : ": add '- type: \(name)' to plugins"
      reader.report("there is no plugin named '\(name.shortened)'\(more)", node)
      return nil
    }
    // A plugin that was refused fits everywhere.
    guard let found = entries[name].map({ $0.plugin?.descriptor }) ?? injected else { return name }
    if let role, !found.roles.contains(role) {
      reader.report("'\(name)' is a \(found.roleName); a \(role.rawValue) is expected here", node)
      return nil
    }
    return name
  }
}

extension PluginDescriptor {
  /// The first of its roles, which is what it is mostly used as.
  var roleName: String { roles.first?.rawValue ?? "plugin" }
}
