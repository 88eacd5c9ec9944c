import EPPCore
import EPPScheduling
import Yams

/// Reads the parameters of one plugin by the declaration of its type.
struct PluginArgumentsReader {
  /// A parameter that names another plugin.
  struct Reference {
    /// The other plugin's name.
    var name: String
    /// The role that the other plugin has to have.
    var role: PluginRole
    /// The position of the name.
    var node: Node
  }

  private let descriptor: PluginDescriptor
  /// Positions of values, by the path of keys from the outermost on.
  private var places: [[String]: Node] = [:]
  /// References to other plugins, to be checked when all plugins have been read.
  private(set) var references: [Reference] = []
  /// Quoted keys of given parameters that have no effect, and whose declaration gives no reason.
  private var idle: [String] = []

  /// Makes a reader for a plugin of a type.
  init(_ descriptor: PluginDescriptor) { self.descriptor = descriptor }

  /// Reads and checks the parameters.
  ///
  /// - Parameters:
  ///   - node: The parameters; nil when the file has none.
  ///   - typeNode: The position of the plugin's type.
  mutating func read(_ node: Node?, typeNode: Node, _ reader: inout YAMLReader) -> PluginArguments {
    var arguments = PluginArguments()
    if let node {
      places[[]] = node
      if descriptor.parameters.isEmpty {
        // llm-d's factories of such types do not look at parameters.
        if node.mapping?.isEmpty == false {
          reader.note("the parameters of \(descriptor.type) have no effect: it has none")
        }
        return arguments
      }
      guard
        let members = reader.members(
          node, of: "the parameters of \(descriptor.type)", known: descriptor.parameters.map(\.key))
      else { return arguments }
      arguments = read(members, descriptor.parameters, [], &reader)
    }
    if !idle.isEmpty {
      reader.note(
        "\(idle.joined(separator: ", ")) of \(descriptor.type) \(idle.count == 1 ? "has" : "have") no effect")
    }
    var check = PluginCheck(arguments, of: descriptor.type)
    descriptor.check(&check)
    for problem in check.problems { reader.report(problem.message, places[problem.path] ?? node ?? typeNode) }
    for note in check.notes { reader.note(note) }
    return arguments
  }

  private mutating func read(
    _ members: YAMLReader.Members, _ parameters: [PluginParameter], _ path: [String], _ reader: inout YAMLReader
  ) -> PluginArguments {
    var arguments = PluginArguments()
    for parameter in parameters {
      guard let node = members[parameter.key] else { continue }
      if parameter.kind.takesEmptyTextAsAbsent, node.string?.isEmpty == true { continue }
      places[path + [parameter.key]] = node
      // A parameter that cannot be read still counts as given.
      arguments.set(parameter.key, value(of: parameter, node, path + [parameter.key], &reader) ?? .ignored)
    }
    return arguments
  }

  private mutating func value(
    of parameter: PluginParameter, _ node: Node, _ path: [String], _ reader: inout YAMLReader
  ) -> PluginArguments.Value? {
    let key = parameter.key
    switch parameter.kind {
    case .boolean: return reader.boolean(node, key).map { .boolean($0) }
    case .integer(let range): return reader.integer(node, key, range).map { .integer($0) }
    case .number(let range): return reader.number(node, key, range).map { .number($0) }
    case .text: return reader.string(node, key).map { .text($0) }
    case .word(let words):
      guard let text = reader.string(node, key) else { return nil }
      guard words.contains(text) else {
        reader.report(
          "\(key) is \(words.joined(separator: " or ")), not '\(text.shortened)'\(NearestWord.suggestion(words, for: text))",
          node)
        return nil
      }
      return .text(text)
    case .texts: return .texts(reader.strings(node, key))
    case .textMap: return reader.stringMap(node, key).map { .textMap($0) }
    case .textListMap: return reader.stringListMap(node, key).map { .textListMap($0) }
    case .headerName: return reader.headerName(node, key).map { .text($0) }
    case .headerNames: return .texts(reader.list(node, key).compactMap { reader.headerName($0, "an entry of \(key)") })
    case .duration:
      // A number without unit is no text to YAML, and in quotes no duration either.
      let number = reader.plain(node).flatMap { Double($0) == nil || $0 == "0" ? nil : $0 }
      guard let text = number ?? reader.string(node, key) else { return nil }
      guard let duration = DurationText.parse(text) else {
        reader.report("\(key) has to be a duration such as 200ms, not '\(text.shortened)'", node)
        return nil
      }
      return .duration(duration)
    case .reference(let role):
      guard let name = reader.string(node, key) else { return nil }
      references.append(Reference(name: name, role: role, node: node))
      return .text(name)
    case .references(let role):
      var names: [String] = []
      for item in reader.list(node, key) {
        guard let name = reader.string(item, "an entry of \(key)") else { continue }
        references.append(Reference(name: name, role: role, node: item))
        names.append(name)
      }
      return .texts(names)
    case .object(let parameters):
      guard let members = reader.members(node, of: key, known: parameters.map(\.key)) else { return nil }
      return .object(read(members, parameters, path, &reader))
    case .list(let parameters):
      var items: [PluginArguments] = []
      for item in reader.list(node, key) {
        guard let members = reader.members(item, of: "an entry of \(key)", known: parameters.map(\.key)) else {
          continue
        }
        let place = path + ["\(items.count)"]
        places[place] = item
        items.append(read(members, parameters, place, &reader))
      }
      return .list(items)
    case .ignored(let reason):
      if let reason {
        reader.note("'\(key)' of \(descriptor.type) has no effect: \(reason)")
      } else if path.count == 1 {
        idle.append("'\(key)'")
      }
      return .ignored
    case .fixed(let fixed):
      check(fixed, key, node, &reader)
      return .ignored
    }
  }

  private func check(_ fixed: PluginParameter.Fixed, _ key: String, _ node: Node, _ reader: inout YAMLReader) {
    let only: String
    switch fixed {
    case .unset(let instead):
      if node.string?.isEmpty == true || node.sequence?.isEmpty == true || node.mapping?.isEmpty == true { return }
      let more = instead.map { "; use \($0)" } ?? ""
      reader.report(
        "'\(key)' of \(descriptor.type) is known in llm-d but not supported by this version yet\(more)", node)
      return
    case .boolean(let expected):
      guard let value = reader.boolean(node, key), value != expected else { return }
      only = "\(expected)"
    case .number(let expected):
      guard let value = reader.number(node, key, 0...1_000_000_000), value != expected else { return }
      only = Int(exactly: expected).map { "\($0)" } ?? "\(expected)"
    case .duration(let expected):
      guard let text = reader.string(node, key), DurationText.parse(text) != expected else { return }
      only = DurationText.format(expected)
    case .text(let expected):
      guard let text = reader.string(node, key), !expected.contains(text) else { return }
      only = expected.joined(separator: " or ")
    }
    reader.report("'\(key)' of \(descriptor.type) can only be \(only) in this version", node)
  }
}
