import EPPScheduling
import Yams

/// Reads an EndpointPickerConfig document: strict, and with all problems at once.
///
/// Names, defaults and rules are those of llm-d's endpoint picker, so that its files load unchanged. What exists there
/// and not here is an error that says so, unless its absence changes nothing.
package struct PickerConfigurationReader {
  /// A document larger than this is no configuration.
  private static let maximumBytes = 1 << 20
  /// The first is the one to use.
  private static let versions = ["llm-d.ai/v1alpha1", "inference.networking.x-k8s.io/v1alpha1"]

  /// An entry of `plugins`.
  struct Plugin {
    var node: Node
    /// Nil when its type is unknown or missing, which was reported.
    var type: PluginType?
    var scorer: ScorerConfiguration?
    var picker: PickerConfiguration?
    var endpointsFile: String?

    var role: PluginRole { type?.role ?? .any }
  }

  var reader = YAMLReader()
  var plugins: [String: Plugin] = [:]
  /// Names in the order of the file.
  var pluginOrder: [String] = []
  var prefix = PrefixSettings()
  var precise: PreciseCacheSettings?
  var sessionHeader: String?
  var endpointsFile: String?
  var notes: [String] = []

  private init() {}

  /// Reads YAML (or JSON, which is YAML).
  ///
  /// - Parameter file: its name, for the messages.
  package static func read(
    _ text: String, file: String
  ) throws(ConfigurationProblems) -> PickerConfigurationFile {
    guard text.utf8.count <= maximumBytes else {
      throw ConfigurationProblems([ConfigurationProblem("it is larger than 1 MiB")], file: file)
    }
    let document: YAMLDocument
    do {
      document = try YAMLDocument(text)
    } catch {
      throw ConfigurationProblems([error], file: file)
    }
    guard let root = document.root else {
      throw ConfigurationProblems([ConfigurationProblem("it is empty")], file: file)
    }
    var reader = PickerConfigurationReader()
    reader.reader.renamed = document.renamed
    let result = reader.document(root)
    guard reader.reader.problems.isEmpty, let result else {
      throw ConfigurationProblems(reader.reader.sortedProblems, file: file)
    }
    return result
  }

  private mutating func document(_ root: Node) -> PickerConfigurationFile? {
    guard
      let members = reader.members(
        root, of: "the document",
        known: [
          "apiVersion", "kind", "featureGates", "plugins", "schedulingProfiles", "dataLayer", "flowControl",
          "requestHandler", "saturationDetector", "parser",
        ])
    else { return nil }
    checkVersion(members)
    featureGates(members["featureGates"])
    for node in reader.list(members["plugins"], "plugins") { plugin(node) }
    checkHandlers()
    dataLayer(members["dataLayer"])
    flowControl(members["flowControl"])
    requestHandler(members["requestHandler"])
    reference(members["saturationDetector"], "saturationDetector", .detector)
    reference(members["parser"], "parser", .parser)
    guard var profile = profile(members["schedulingProfiles"]) else { return nil }
    if let sessionHeader { profile.readSessions(from: sessionHeader) }
    return PickerConfigurationFile(
      profile: profile, prefix: prefix, precise: precise, sessionHeader: sessionHeader, endpointsFile: endpointsFile,
      notes: notes)
  }

  private mutating func checkVersion(_ members: YAMLReader.Members) {
    if let node = members["apiVersion"] {
      if let version = reader.string(node, "apiVersion"), !Self.versions.contains(version) {
        reader.report("apiVersion has to be \(Self.versions[0]), not '\(YAMLReader.shortened(version))'", node)
      }
    } else {
      reader.report("apiVersion is missing: add 'apiVersion: \(Self.versions[0])'", members.node)
    }
    if let node = members["kind"] {
      if let kind = reader.string(node, "kind"), kind != "EndpointPickerConfig" {
        reader.report("kind has to be EndpointPickerConfig, not '\(YAMLReader.shortened(kind))'", node)
      }
    } else {
      reader.report("kind is missing: add 'kind: EndpointPickerConfig'", members.node)
    }
  }

  private mutating func featureGates(_ node: Node?) {
    let known = ["flowControl", "haPopulateNonLeaderDatastore"]
    for gate in reader.list(node, "featureGates") {
      guard let text = reader.string(gate, "a feature gate") else { continue }
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = String(parts[0])
      guard known.contains(name) else {
        reader.report(
          "unknown feature gate '\(YAMLReader.shortened(name))'\(NearestWord.suggestion(known, for: name))", gate)
        continue
      }
      guard parts.count == 1 || parts[1] == "true" || parts[1] == "false" else {
        reader.report("the feature gate \(name) is either \(name)=true or \(name)=false", gate)
        continue
      }
      let isOn = parts.count == 1 || parts[1] == "true"
      if name == "flowControl" {
        if isOn {
          reader.report("the feature gate flowControl is known in llm-d but not supported by this version yet", gate)
        }
      } else {
        notes.append("the feature gate \(name) has no effect: every replica is active")
      }
    }
  }

  private mutating func checkHandlers() {
    let handlers = pluginOrder.filter { plugins[$0]?.role == .profileHandler }
    for name in handlers.dropFirst() {
      guard let node = plugins[name]?.node else { continue }
      reader.report("there is one profile handler at most; '\(name)' is a second one", node)
    }
  }

  private mutating func requestHandler(_ node: Node?) {
    guard let node, let members = reader.members(node, of: "requestHandler", known: ["parsers"]) else { return }
    for entry in reader.list(members["parsers"], "requestHandler.parsers") {
      reference(entry, "an entry of requestHandler.parsers", .parser)
    }
    if members["parsers"] != nil { notes.append("requestHandler.parsers has no effect: all parsers are always there") }
  }

  // MARK: - References

  /// A mapping with a `pluginRef` alone.
  @discardableResult
  mutating func reference(_ node: Node?, _ what: String, _ role: PluginRole) -> String? {
    guard let node, !reader.isNull(node), let members = reader.members(node, of: what, known: ["pluginRef"]) else {
      return nil
    }
    return pluginReference(members, of: what, role)
  }

  /// The name in `pluginRef`; nil and a problem when it is missing, when there is no such plugin, or when it is of
  /// another role. Nil as role means any.
  mutating func pluginReference(_ members: YAMLReader.Members, of what: String, _ role: PluginRole?) -> String? {
    guard let node = members["pluginRef"] else {
      reader.report("\(what) needs a pluginRef", members.node)
      return nil
    }
    return reader.string(node, "pluginRef").flatMap { named($0, node, role) }
  }

  /// The same for a bare name.
  mutating func named(_ name: String, _ node: Node, _ role: PluginRole?) -> String? {
    let injected = BuiltInPlugin(rawValue: name).flatMap { $0.isInjected ? $0 : nil }
    guard let found = plugins[name]?.role ?? injected?.role else {
      let more =
        PluginType(name) == nil
        ? NearestWord.suggestion(pluginOrder, for: name) : ": add '- type: \(name)' to plugins"
      reader.report("there is no plugin named '\(YAMLReader.shortened(name))'\(more)", node)
      return nil
    }
    if let role, found != role, found != .any {
      reader.report("'\(name)' is a \(found.rawValue); a \(role.rawValue) is expected here", node)
      return nil
    }
    return name
  }
}
