import EPPCore
import EPPScheduling
import Yams

/// Writes a plugin as an entry of the section `plugins`.
enum MigratedPlugin {
  /// The entry.
  static func node(_ plugin: ConfiguredPlugin) -> Node {
    var entries: [(Node, Node)] = []
    if plugin.name != plugin.descriptor.type { entries.append(("name", Node(plugin.name))) }
    entries.append(("type", Node(plugin.descriptor.type)))
    let parameters = members(plugin.arguments, plugin.descriptor.parameters)
    if !parameters.isEmpty { entries.append(("parameters", .mapping(Node.Mapping(parameters)))) }
    return .mapping(Node.Mapping(entries))
  }

  private static func members(_ arguments: PluginArguments, _ parameters: [PluginParameter]) -> [(Node, Node)] {
    parameters.compactMap { parameter in
      arguments.value(parameter.key).flatMap { node($0, parameter) }.map { (Node(parameter.key), $0) }
    }
  }

  /// A value; nil for one without effect, which was not kept.
  private static func node(_ value: PluginArguments.Value, _ parameter: PluginParameter) -> Node? {
    switch value {
    case .boolean(let value): plain("\(value)", .bool)
    case .integer(let value): plain("\(value)", .int)
    case .number(let value): plain(value.shortText, .float)
    case .duration(let value): Node(DurationText.format(value))
    case .text(let text): self.text(text)
    case .texts(let texts): .sequence(Node.Sequence(texts.map(text)))
    case .textMap(let map):
      .mapping(Node.Mapping(map.sorted { $0.key < $1.key }.map { (text($0.key), text($0.value)) }))
    case .textListMap(let map):
      .mapping(
        Node.Mapping(
          map.sorted { $0.key < $1.key }.map { (text($0.key), .sequence(Node.Sequence($0.value.map(text)))) }))
    case .object(let arguments): .mapping(Node.Mapping(members(arguments, parameter.members)))
    case .list(let list):
      .sequence(Node.Sequence(list.map { .mapping(Node.Mapping(members($0, parameter.members))) }))
    case .ignored: nil
    }
  }

  private static func plain(_ text: String, _ tag: Tag.Name) -> Node { Node(text, Tag(tag), .plain) }

  /// A text, in quotes where YAML would take it for something else.
  private static func text(_ text: String) -> Node {
    let isPlain =
      Node(text).tag.rawValue == Tag.Name.str.rawValue && Resolver.default.resolveTag(of: Node(text)) == .str
    return Node(text, Tag(.str), isPlain ? .any : .doubleQuoted)
  }
}

extension PluginParameter {
  /// The members of the parameter's object, or of the objects of its list.
  fileprivate var members: [PluginParameter] {
    switch kind {
    case .object(let members), .list(let members): members
    default: []
    }
  }
}
