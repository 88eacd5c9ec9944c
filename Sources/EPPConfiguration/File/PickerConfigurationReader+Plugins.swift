import EPPScheduling
import Yams

/// Entries of `plugins`.
extension PickerConfigurationReader {
  mutating func plugin(_ node: Node) {
    guard let members = reader.members(node, of: "a plugin", known: ["name", "type", "parameters"]) else { return }
    let typeName = reader.string(members["type"], "type")
    if members["type"] == nil { reader.report("a plugin needs a type", node) }
    let givenName = reader.string(members["name"], "name")
    guard let name = givenName ?? typeName else { return }
    let place = members["name"] ?? members["type"] ?? node
    guard plugins[name] == nil else {
      reader.report(
        "there are two plugins named '\(YAMLReader.shortened(name))'; give one of them another name", place)
      return
    }
    var plugin = Plugin(node: place)
    if let typeName, let typeNode = members["type"] {
      plugin.type = PluginType(typeName)
      if let type = plugin.type {
        read(&plugin, type, typeName, typeNode, members["parameters"])
      } else {
        reader.report(
          "unknown plugin type '\(YAMLReader.shortened(typeName))'"
            + NearestWord.suggestion(PluginType.names, for: typeName), typeNode)
      }
    }
    plugins[name] = plugin
    pluginOrder.append(name)
  }

  private mutating func read(
    _ plugin: inout Plugin, _ type: PluginType, _ typeName: String, _ typeNode: Node, _ parameters: Node?
  ) {
    switch type {
    case .scorer(let type): plugin.scorer = scorer(type, parameters)
    case .picker(let type): plugin.picker = picker(type, parameters)
    case .prefixProducer: prefixProducer(parameters)
    case .preciseProducer: preciseProducer(parameters, of: typeName)
    case .preciseScorer:
      plugin.scorer = .prefixCache(PrefixCacheParameters())
      preciseProducer(parameters, of: typeName)
    case .sessionProducer: sessionProducer(parameters)
    case .fileDiscovery: plugin.endpointsFile = fileDiscovery(parameters, typeNode)
    case .builtIn(let builtIn): check(builtIn, parameters)
    case .unsupported:
      reader.report("'\(typeName)' is known in llm-d but not supported by this version yet", typeNode)
    }
  }

  private mutating func check(_ plugin: BuiltInPlugin, _ node: Node?) {
    guard let node,
      let members = reader.members(
        node, of: "the parameters of \(plugin.rawValue)", known: plugin.parameters.map(\.name))
    else { return }
    var idle: [String] = []
    for parameter in plugin.parameters {
      guard let value = members[parameter.name] else { continue }
      if case .any = parameter.value { idle.append("'\(parameter.name)'") }
      check(parameter, value, plugin.rawValue)
    }
    if !idle.isEmpty {
      notes.append(
        "\(idle.joined(separator: ", ")) of \(plugin.rawValue) \(idle.count == 1 ? "has" : "have") no effect")
    }
  }

  private mutating func check(_ parameter: BuiltInPlugin.Parameter, _ node: Node, _ plugin: String) {
    let only: String
    switch parameter.value {
    case .any: return
    case .unset(let instead):
      if node.string?.isEmpty == true || node.sequence?.isEmpty == true || node.mapping?.isEmpty == true { return }
      let more = instead.map { "; use \($0)" } ?? ""
      reader.report(
        "'\(parameter.name)' of \(plugin) is known in llm-d but not supported by this version yet\(more)", node)
      return
    case .boolean(let expected):
      guard let value = reader.boolean(node, parameter.name), value != expected else { return }
      only = "\(expected)"
    case .number(let expected):
      guard let value = reader.number(node, parameter.name, 0...1_000_000_000), value != expected else { return }
      only = Int(exactly: expected).map { "\($0)" } ?? "\(expected)"
    case .duration(let expected):
      guard let text = reader.string(node, parameter.name), DurationText.parse(text) != expected else { return }
      only = DurationText.format(expected)
    case .text(let expected):
      guard let text = reader.string(node, parameter.name), !expected.contains(text) else { return }
      only = expected.joined(separator: " or ")
    }
    reader.report("'\(parameter.name)' of \(plugin) can only be \(only) in this version", node)
  }

  private mutating func picker(_ type: PickerConfiguration.TypeName, _ node: Node?) -> PickerConfiguration {
    var count = 1
    if let node,
      let members = reader.members(node, of: "the parameters of \(type.rawValue)", known: ["maxNumOfEndpoints"])
    {
      count = reader.integer(members["maxNumOfEndpoints"], "maxNumOfEndpoints", 1...64) ?? 1
    }
    return switch type {
    case .maximumScore: .maximumScore(maximumEndpoints: count)
    case .random: .random(maximumEndpoints: count)
    }
  }

  private mutating func prefixProducer(_ node: Node?) {
    let known = [
      "autoTune", "blockSizeTokens", "blockSize", "maxPrefixTokensToMatch", "maxPrefixBlocksToMatch",
      "lruCapacityPerServer",
    ]
    guard let node,
      let members = reader.members(node, of: "the parameters of approx-prefix-cache-producer", known: known)
    else { return }
    for name in ["blockSizeTokens", "blockSize"] {
      if let size = reader.integer(members[name], name, 1...1_000_000), size != 16, size != 64 {
        notes.append("'\(name)' of approx-prefix-cache-producer has no effect: text is matched in blocks of 64 tokens")
      }
    }
    prefix.learnsCacheSize = reader.boolean(members["autoTune"], "autoTune") ?? true
    if let blocks = reader.integer(members["maxPrefixBlocksToMatch"], "maxPrefixBlocksToMatch", 1...250_000) {
      // The anchor's blocks have at least 64 tokens, whatever size is set; its default of 2048 is 131,072 tokens.
      prefix.maximumTokens = blocks * 64
    }
    if let tokens = reader.integer(members["maxPrefixTokensToMatch"], "maxPrefixTokensToMatch", 1...16_000_000) {
      prefix.maximumTokens = tokens
    }
    if let blocks = reader.integer(members["lruCapacityPerServer"], "lruCapacityPerServer", 1...100_000_000) {
      // As above.
      prefix.defaultTokens = blocks * 64
    }
  }

  private mutating func sessionProducer(_ node: Node?) {
    guard let node,
      let members = reader.members(
        node, of: "the parameters of session-id-producer", known: ["headerName", "cookieName"])
    else { return }
    sessionHeader = reader.headerName(members["headerName"], "headerName")
    if let cookie = members["cookieName"] {
      reader.report(
        "'cookieName' of session-id-producer is known in llm-d but not supported by this version yet; use headerName",
        cookie)
    }
  }

  private mutating func fileDiscovery(_ node: Node?, _ typeNode: Node) -> String? {
    guard let node,
      let members = reader.members(node, of: "the parameters of file-discovery", known: ["path", "watchFile"])
    else {
      if node == nil { reader.report("file-discovery needs the parameter 'path'", typeNode) }
      return nil
    }
    if reader.boolean(members["watchFile"], "watchFile") == false {
      notes.append("'watchFile: false' has no effect: the endpoints file is always watched")
    }
    guard let path = members["path"] else {
      reader.report("file-discovery needs the parameter 'path'", node)
      return nil
    }
    return reader.string(path, "path")
  }
}
