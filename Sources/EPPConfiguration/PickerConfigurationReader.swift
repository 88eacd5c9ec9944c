import EPPScheduling
import EPPCore
import Yams

/// Reads an EndpointPickerConfig document: strict, and with all problems at once.
package struct PickerConfigurationReader {
  /// A document larger than this is no configuration.
  private static let maximumBytes = 1 << 20

  private struct Plugin {
    var node: Node
    var type: PluginType
    var scorer: ScorerConfiguration?
    var picker: PickerConfiguration?
  }

  private var reader = YAMLReader()
  private var plugins: [String: Plugin] = [:]
  private var pluginOrder: [String] = []
  private var prefix = PrefixSettings()
  private var sessionHeader: String?
  private var notes: [String] = []

  private init() {}

  /// Reads YAML (or JSON, which is YAML).
  ///
  /// - Parameter file: its name, for the messages.
  package static func read(
    _ text: String, file: String
  ) throws(ConfigurationProblems) -> PickerConfigurationFile {
    var reader = PickerConfigurationReader()
    guard text.utf8.count <= maximumBytes else {
      throw ConfigurationProblems([ConfigurationProblem("it is larger than 1 MiB")], file: file)
    }
    let root: Node?
    do {
      root = try Yams.compose(yaml: text)
    } catch {
      throw ConfigurationProblems([syntaxProblem(error)], file: file)
    }
    guard let root else {
      throw ConfigurationProblems([ConfigurationProblem("it is empty")], file: file)
    }
    let result = reader.document(root)
    guard reader.reader.problems.isEmpty, let result else {
      throw ConfigurationProblems(reader.reader.problems, file: file)
    }
    return result
  }

  private static func syntaxProblem(_ error: any Error) -> ConfigurationProblem {
    guard let error = error as? YamlError else { return ConfigurationProblem("it is not YAML") }
    switch error {
    case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
      .composer(_, let problem, let mark, _):
      return ConfigurationProblem(
        "it is not YAML: \(problem)", at: .init(line: mark.line, column: mark.column))
    case .duplicatedKeysInMapping(let duplicates, _):
      return ConfigurationProblem(
        "given twice: " + duplicates.sorted().joined(separator: ", "))
    default:
      return ConfigurationProblem("it is not YAML: \(error)")
    }
  }

  // MARK: - Document

  private mutating func document(_ root: Node) -> PickerConfigurationFile? {
    guard
      let members = reader.members(
        root, of: "the document",
        known: [
          "apiVersion", "kind", "featureGates", "plugins", "schedulingProfiles", "dataLayer", "flowControl",
          "requestHandler", "saturationDetector", "parser",
        ])
    else { return nil }
    checkVersion(members, root)
    featureGates(members["featureGates"])
    for node in reader.list(members["plugins"], "plugins") { plugin(node) }
    dataLayer(members["dataLayer"])
    for name in ["flowControl"] {
      if let node = members[name], !reader.isNull(node) {
        reader.report("'\(name)' is known in llm-d but not supported by this version yet; remove it", node)
      }
    }
    references(members["requestHandler"], "requestHandler", list: "parsers")
    reference(members["saturationDetector"], "saturationDetector")
    reference(members["parser"], "parser")
    let profile = profile(members["schedulingProfiles"], root)
    guard var profile else { return nil }
    applySessionHeader(&profile)
    return PickerConfigurationFile(profile: profile, prefix: prefix, notes: notes)
  }

  private mutating func checkVersion(_ members: [String: Node], _ root: Node) {
    let versions = ["llm-d.ai/v1alpha1", "inference.networking.x-k8s.io/v1alpha1"]
    if let node = members["apiVersion"], let version = reader.string(node, "apiVersion") {
      if !versions.contains(version) { reader.report("apiVersion has to be \(versions[0]), not '\(version)'", node) }
    } else if members["apiVersion"] == nil {
      reader.report("apiVersion is missing; it is \(versions[0])", root)
    }
    if let node = members["kind"], let kind = reader.string(node, "kind") {
      if kind != "EndpointPickerConfig" { reader.report("kind has to be EndpointPickerConfig, not '\(kind)'", node) }
    } else if members["kind"] == nil {
      reader.report("kind is missing; it is EndpointPickerConfig", root)
    }
  }

  private mutating func featureGates(_ node: Node?) {
    for gate in reader.list(node, "featureGates") {
      guard let text = reader.string(gate, "a feature gate") else { continue }
      let parts = text.split(separator: "=", maxSplits: 1)
      let name = parts.first.map(String.init) ?? ""
      let isOn = parts.count < 2 || parts[1] == "true"
      switch name {
      case "flowControl":
        if isOn { reader.report("the feature gate flowControl is not supported by this version yet", gate) }
      case "haPopulateNonLeaderDatastore":
        notes.append("the feature gate haPopulateNonLeaderDatastore has no effect: every replica is active")
      default:
        let known = ["flowControl", "haPopulateNonLeaderDatastore"]
        reader.report("unknown feature gate '\(name)'\(NearestWord.suggestion(known, for: name))", gate)
      }
    }
  }

  private mutating func dataLayer(_ node: Node?) {
    guard let node, !reader.isNull(node),
      let members = reader.members(
        node, of: "dataLayer",
        known: [
          "injectDefaults", "sources", "discovery", "peerDiscovery", "crossReplicaSyncerPluginRef",
          "crossReplicaSyncInterval",
        ])
    else { return }
    if reader.boolean(members["injectDefaults"], "injectDefaults") == false {
      notes.append("dataLayer.injectDefaults has no effect: engines are always scraped")
    }
    for source in reader.list(members["sources"], "dataLayer.sources") {
      guard let source = reader.members(source, of: "a source", known: ["pluginRef", "extractors"]) else { continue }
      pluginReference(source["pluginRef"], "pluginRef")
      for extractor in reader.list(source["extractors"], "extractors") {
        guard let extractor = reader.members(extractor, of: "an extractor", known: ["pluginRef"]) else { continue }
        pluginReference(extractor["pluginRef"], "pluginRef")
      }
    }
    for name in ["discovery", "peerDiscovery", "crossReplicaSyncerPluginRef"] {
      if let node = members[name], !reader.isNull(node) {
        reader.report(
          "dataLayer.\(name) is known in llm-d but not supported by this version yet; use --endpoint or --endpoints-file",
          node)
      }
    }
  }

  private mutating func references(_ node: Node?, _ what: String, list name: String) {
    guard let node, !reader.isNull(node), let members = reader.members(node, of: what, known: [name]) else { return }
    for entry in reader.list(members[name], "\(what).\(name)") { reference(entry, "an entry of \(what).\(name)") }
  }

  private mutating func reference(_ node: Node?, _ what: String) {
    guard let node, !reader.isNull(node), let members = reader.members(node, of: what, known: ["pluginRef"]) else {
      return
    }
    pluginReference(members["pluginRef"], "pluginRef")
  }

  /// A plugin by its name; a problem when there is none of it.
  @discardableResult
  private mutating func pluginReference(_ node: Node?, _ what: String) -> String? {
    guard let node, let name = reader.string(node, what) else { return nil }
    // Names of types that are always there need no entry in plugins.
    guard plugins[name] != nil || PluginType(name) == .builtIn else {
      reader.report("there is no plugin named '\(name)'\(NearestWord.suggestion(plugins.keys, for: name))", node)
      return nil
    }
    return name
  }

  // MARK: - Plugins

  private mutating func plugin(_ node: Node) {
    guard let members = reader.members(node, of: "a plugin", known: ["name", "type", "parameters"]) else { return }
    guard let typeNode = members["type"], let typeName = reader.string(typeNode, "type") else {
      if members["type"] == nil { reader.report("a plugin needs a type", node) }
      return
    }
    guard let type = PluginType(typeName) else {
      reader.report(
        "unknown plugin type '\(typeName)'\(NearestWord.suggestion(PluginType.supportedNames, for: typeName))", typeNode)
      return
    }
    let name = reader.string(members["name"], "name") ?? typeName
    guard plugins[name] == nil else {
      reader.report("there are two plugins named '\(name)'", members["name"] ?? typeNode)
      return
    }
    var plugin = Plugin(node: typeNode, type: type)
    let parameters = members["parameters"].flatMap { reader.isNull($0) ? nil : $0 }
    switch type {
    case .scorer(let type): plugin.scorer = scorer(type, parameters)
    case .picker(let type): plugin.picker = picker(type, parameters)
    case .prefixProducer: prefixProducer(parameters)
    case .sessionProducer: sessionProducer(parameters)
    case .builtIn:
      if let parameters, parameters.mapping?.isEmpty == false {
        notes.append("the parameters of '\(name)' have no effect")
      }
    case .unsupported:
      reader.report("'\(typeName)' is known in llm-d but not supported by this version yet", typeNode)
    }
    plugins[name] = plugin
    pluginOrder.append(name)
  }

  private mutating func noParameters(_ node: Node?, _ type: String) {
    if let node { _ = reader.members(node, of: "the parameters of \(type)", known: []) }
  }

  private mutating func scorer(_ type: ScorerConfiguration.TypeName, _ node: Node?) -> ScorerConfiguration {
    switch type {
    case .queue, .runningRequests, .kvCacheUtilization, .loRAAffinity:
      noParameters(node, type.rawValue)
      return ScorerConfiguration(defaultsOf: type)
    case .prefixCache:
      var parameters = PrefixCacheParameters()
      let known = ["prefixMatchInfoProducerName", "matchLengthWeight", "matchLengthScaleTokens"]
      if let node, let members = reader.members(node, of: "the parameters of \(type.rawValue)", known: known) {
        let weight = reader.number(members["matchLengthWeight"], "matchLengthWeight", 0...1)
        parameters.matchLengthWeight = weight ?? parameters.matchLengthWeight
        let scale = reader.integer(members["matchLengthScaleTokens"], "matchLengthScaleTokens", 1...1_000_000_000)
        parameters.matchLengthScaleTokens = scale ?? parameters.matchLengthScaleTokens
      }
      return .prefixCache(parameters)
    case .sessionAffinity:
      return .sessionAffinity(sessionAffinity(node))
    }
  }

  private mutating func sessionAffinity(_ node: Node?) -> SessionAffinityParameters {
    var parameters = SessionAffinityParameters()
    let known = [
      "strategy", "header", "sources", "evictionTtlSeconds", "evictionSweepSeconds", "profileName", "trustedHops",
    ]
    guard let node, let members = reader.members(node, of: "the parameters of session-affinity-scorer", known: known)
    else { return parameters }
    var header = reader.string(members["header"], "header")
    for source in reader.list(members["sources"], "sources") {
      guard let source = reader.members(source, of: "a source", known: ["header"]) else { continue }
      header = reader.string(source["header"], "header") ?? header
    }
    let strategies = ["header", "session_id", "client_address"]
    if let strategyNode = members["strategy"], let strategy = reader.string(strategyNode, "strategy") {
      switch strategy {
      case "header", "session_id":
        parameters.strategy = .header((header ?? HeaderName.sessionID).lowercased())
      case "client_address":
        parameters.strategy = .clientAddress(
          trustedHops: reader.integer(members["trustedHops"], "trustedHops", 1...16) ?? 1)
        parameters.timeToLive = .seconds(7200)
      case "encoded_endpoint_header", "cookie", "signed_token":
        reader.report("the strategy '\(strategy)' is not supported by this version yet", strategyNode)
      default:
        reader.report(
          "unknown strategy '\(strategy)'\(NearestWord.suggestion(strategies, for: strategy)) (known: "
            + strategies.joined(separator: ", ") + ")", strategyNode)
      }
    } else if let header {
      parameters.strategy = .header(header.lowercased())
    }
    if let seconds = reader.integer(members["evictionTtlSeconds"], "evictionTtlSeconds", 1...31_536_000) {
      parameters.timeToLive = .seconds(seconds)
    }
    return parameters
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
    guard let node, let members = reader.members(node, of: "the parameters of approx-prefix-cache-producer", known: known)
    else { return }
    if members["blockSizeTokens"] != nil || members["blockSize"] != nil {
      notes.append("blocks are always 16 tokens long: the block size of approx-prefix-cache-producer has no effect")
    }
    prefix.learnsCacheSize = reader.boolean(members["autoTune"], "autoTune") ?? true
    if let blocks = reader.integer(members["maxPrefixBlocksToMatch"], "maxPrefixBlocksToMatch", 1...1_000_000) {
      prefix.maximumTokens = blocks * 16
    }
    if let tokens = reader.integer(members["maxPrefixTokensToMatch"], "maxPrefixTokensToMatch", 1...16_000_000) {
      prefix.maximumTokens = tokens
    }
    if let blocks = reader.integer(members["lruCapacityPerServer"], "lruCapacityPerServer", 1...100_000_000) {
      prefix.defaultBlocks = blocks
    }
  }

  private mutating func sessionProducer(_ node: Node?) {
    guard let node,
      let members = reader.members(
        node, of: "the parameters of session-id-producer", known: ["headerName", "cookieName"])
    else { return }
    sessionHeader = reader.string(members["headerName"], "headerName")?.lowercased()
    if let cookie = members["cookieName"] { reader.report("cookieName is not supported by this version yet", cookie) }
  }

  private func applySessionHeader(_ profile: inout ProfileConfiguration) {
    guard let sessionHeader else { return }
    for index in profile.scorers.indices {
      if case .sessionAffinity(var parameters) = profile.scorers[index].scorer,
        parameters.strategy == .header(HeaderName.sessionID)
      {
        parameters.strategy = .header(sessionHeader)
        profile.scorers[index].scorer = .sessionAffinity(parameters)
      }
    }
  }

  // MARK: - Profiles

  private mutating func profile(_ node: Node?, _ root: Node) -> ProfileConfiguration? {
    let profiles = reader.list(node, "schedulingProfiles")
    guard profiles.count <= 1 else {
      reader.report("several scheduling profiles are not supported by this version yet", profiles[1])
      return nil
    }
    guard let node = profiles.first else {
      // No profile: all scorers and pickers there are, each with weight 1, as the anchor does.
      return assembled("default", pluginOrder.map { ($0, nil, root) })
    }
    guard let members = reader.members(node, of: "a scheduling profile", known: ["name", "plugins"]) else { return nil }
    let name = reader.string(members["name"], "name") ?? "default"
    var entries: [(String, Double?, Node)] = []
    for entry in reader.list(members["plugins"], "plugins") {
      guard let entryMembers = reader.members(entry, of: "a profile's plugin", known: ["pluginRef", "weight"]) else {
        continue
      }
      let weight = reader.number(entryMembers["weight"], "weight", 0...1_000_000)
      guard let reference = pluginReference(entryMembers["pluginRef"], "pluginRef") else {
        if entryMembers["pluginRef"] == nil { reader.report("pluginRef is missing", entry) }
        continue
      }
      if weight != nil, plugins[reference]?.scorer == nil {
        reader.report("'\(reference)' is no scorer: it has no weight", entryMembers["weight"] ?? entry)
      }
      entries.append((reference, weight, entry))
    }
    return assembled(name, entries)
  }

  private mutating func assembled(_ name: String, _ entries: [(String, Double?, Node)]) -> ProfileConfiguration {
    var scorers: [ProfileConfiguration.WeightedScorer] = []
    var picker: PickerConfiguration?
    for (reference, weight, node) in entries {
      guard let plugin = plugins[reference] else { continue }
      if let scorer = plugin.scorer {
        if scorers.contains(where: { $0.name == reference }) {
          reader.report("'\(reference)' is in the profile twice", node)
        }
        scorers.append(ProfileConfiguration.WeightedScorer(name: reference, scorer, weight: weight ?? 1))
      } else if let found = plugin.picker {
        if picker != nil { reader.report("a profile has one picker; '\(reference)' is a second one", node) }
        picker = found
      }
    }
    // A profile without a picker takes any that is configured, else the one with the highest score.
    let configured = pluginOrder.compactMap { plugins[$0]?.picker }.first
    return ProfileConfiguration(
      name: name, scorers: scorers, picker: picker ?? configured ?? .maximumScore(maximumEndpoints: 1))
  }
}
