import EPPCore
package import EPPScheduling
import EPPYAML
import Yams

/// Reads an EndpointPickerConfig document, strictly, and reports all problems together.
///
/// Names, defaults and rules are those of llm-d's endpoint picker, so that its files load unchanged. A feature of llm-d that is
/// missing here is a problem, unless its absence changes nothing.
package struct PickerConfigurationReader {
  /// Bytes of the largest document that is read.
  private static let maximumBytes = 1 << 20
  /// Values of apiVersion that are accepted; messages recommend the first.
  static let versions = ["llm-d.ai/v1", "llm-d.ai/v1alpha1", "inference.networking.x-k8s.io/v1alpha1"]

  private var reader = YAMLReader()
  private let list: PluginList

  private init(_ list: PluginList) { self.list = list }

  /// Reads a document in YAML or JSON.
  ///
  /// - Parameters:
  ///   - text: The document.
  ///   - file: The file's name, for the messages.
  ///   - plugins: The plugin types that the document may use.
  /// - Throws: `ConfigurationProblems` with all problems of the document.
  package static func read(
    _ text: String, file: String, plugins: PluginList = .standard
  ) throws(ConfigurationProblems) -> PickerConfigurationFile {
    guard text.utf8.count <= maximumBytes else {
      throw ConfigurationProblems([ConfigurationProblem("it is larger than 1 MiB")], file: file)
    }
    let document: YAMLDocument
    do {
      document = try YAMLDocument(text)
    } catch {
      throw ConfigurationProblems([ConfigurationProblem(error)], file: file)
    }
    guard let root = document.root else {
      throw ConfigurationProblems([ConfigurationProblem("it is empty")], file: file)
    }
    if let map = ConfigMapDocument(root) { return try read(map, text, file: file, plugins: plugins) }
    var reader = PickerConfigurationReader(plugins)
    reader.reader.renamed = document.renamed
    let result = reader.document(root)
    guard reader.reader.problems.isEmpty, let result else {
      throw ConfigurationProblems(reader.reader.sortedProblems, file: file)
    }
    return result
  }

  /// Reads the document in a ConfigMap.
  private static func read(
    _ map: ConfigMapDocument, _ text: String, file: String, plugins: PluginList
  ) throws(ConfigurationProblems) -> PickerConfigurationFile {
    let member: ConfigMapDocument.Member
    do throws(ConfigurationProblem) {
      member = try map.member()
    } catch {
      throw ConfigurationProblems([error], file: file)
    }
    do {
      var result = try read(member.text, file: file, plugins: plugins)
      result.notes.insert("this is a ConfigMap: its key '\(member.key)' is read", at: 0)
      return result
    } catch {
      throw ConfigMapDocument.placed(error, of: member, in: text)
    }
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
    var plugins = PluginSection(list)
    plugins.read(members["plugins"], &reader)
    let discovery = DataLayerSection(plugins).read(members["dataLayer"], &reader)
    let detector = FlowControlSection(plugins).read(members["flowControl"], &reader)
    let parsers = requestHandler(members["requestHandler"], plugins)
    let oldDetector = plugins.reference(members["saturationDetector"], "saturationDetector", .detector, &reader)
    let oldParser = plugins.reference(members["parser"], "parser", .parser, &reader)
    for (name, newer) in [
      ("saturationDetector", "flowControl.saturationDetector"), ("parser", "requestHandler.parsers"),
    ] where members[name] != nil {
      reader.note("'\(name)' at the top level is removed in newer releases of llm-d: use \(newer)")
    }
    let profiles = ProfileSection(plugins).read(members["schedulingProfiles"], &reader)
    var scheduler = SchedulerConfiguration(profiles: profiles)
    scheduler.handler = ProfileHandlerCheck(plugins).handler(of: profiles, &reader)
    let named = detector ?? oldDetector ?? UtilizationDetector.descriptor.type
    if let plugin = plugins.plugin(named: named) { scheduler.detector = plugin }
    scheduler.screens = plugins.plugins.filter { $0.descriptor.roles.contains(.screener) }
    scheduler.admission = plugins.plugins.filter { $0.descriptor.roles.contains(.admission) }
    scheduler.observers = plugins.plugins.filter { $0.descriptor.roles.contains(.observer) }
    scheduler.referenced = plugins.plugins.filter { plugin in
      plugin.descriptor.roles.contains { [.decider, .detector, .producer].contains($0) }
    }
    scheduler.referenced += plugins.implied
    let parserNames = parsers ?? oldParser.map { [$0] }
    return PickerConfigurationFile(
      scheduler: scheduler, plugins: plugins.plugins,
      parsers: parserNames?.compactMap { plugins.plugin(named: $0) } ?? ParserSettings.standardPlugins,
      endpointsFile: discovery?.settings(EndpointsFileSettings.self)?.path, notes: reader.notes)
  }

  private mutating func checkVersion(_ members: YAMLReader.Members) {
    if let node = members["apiVersion"] {
      if let version = reader.string(node, "apiVersion"), !Self.versions.contains(version) {
        reader.report("apiVersion has to be \(Self.versions[0]), not '\(version.shortened)'", node)
      }
    } else {
      reader.report("apiVersion is missing: add 'apiVersion: \(Self.versions[0])'", members.node)
    }
    if let node = members["kind"] {
      if let kind = reader.string(node, "kind"), kind != "EndpointPickerConfig" {
        reader.report("kind has to be EndpointPickerConfig, not '\(kind.shortened)'", node)
      }
    } else {
      reader.report("kind is missing: add 'kind: EndpointPickerConfig'", members.node)
    }
  }

  private mutating func featureGates(_ node: Node?) {
    for gate in reader.list(node, "featureGates") {
      guard let text = reader.string(gate, "a feature gate") else { continue }
      switch FeatureGate(text).finding {
      case .none: break
      case .note(let message): reader.note(message)
      case .problem(let message): reader.report(message, gate)
      }
    }
  }

  /// Reads the section, and returns the names of its parsers; nil when it names none.
  private mutating func requestHandler(_ node: Node?, _ plugins: PluginSection) -> [String]? {
    guard let node,
      let members = reader.members(node, of: "requestHandler", known: ["parsers", "propagatePriority"])
    else { return nil }
    if reader.boolean(members["propagatePriority"], "propagatePriority") == true {
      reader.note("requestHandler.propagatePriority has no effect: the priority is not handed on to engines")
    }
    guard members["parsers"] != nil else { return nil }
    let names = reader.list(members["parsers"], "requestHandler.parsers").compactMap { entry in
      plugins.reference(entry, "an entry of requestHandler.parsers", .parser, &reader)
    }
    return names.isEmpty ? nil : names
  }
}
