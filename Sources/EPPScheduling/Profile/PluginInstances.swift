import EPPPrefixCache

/// The plugins of a configuration, made once each: profiles that name the same plugin share it and its state.
struct PluginInstances: Sendable {
  /// A plugin that was made.
  private struct Instance: Sendable {
    /// What it was made from.
    let plugin: ConfiguredPlugin
    /// The plugins that its arguments name, with the views of the index that they show.
    let references: [Reference]
    var scorer: (any Scorer)?
    var filter: (any Filter)?
    var picker: (any Picker)?
    var observer: (any RequestObserver)?
    var admission: (any AdmissionPlugin)?
  }

  private struct Reference: Equatable, Sendable {
    let plugin: ConfiguredPlugin?
    let view: PrefixView?
  }

  private let environment: PluginEnvironment
  private var instances: [String: Instance] = [:]
  /// What handlers and detectors refer to.
  let peers: PluginPeers

  /// Makes the plugins of a configuration.
  ///
  /// - Parameter predecessor: plugins to take over with their state, where type, name and arguments are equal, and those of the
  ///   plugins that they refer to as well.
  init(
    _ configuration: SchedulerConfiguration, _ environment: PluginEnvironment, replacing predecessor: PluginInstances?
  ) {
    self.environment = environment
    let kept = predecessor.flatMap { $0.environment.makesTheSame(as: environment) ? $0 : nil }
    let plugins = configuration.plugins
    let byName = Dictionary(plugins.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var peers = PluginPeers()
    peers.profiles = configuration.profiles.map(\.name)
    for plugin in plugins {
      let references = plugin.references.map { Reference(plugin: byName[$0], view: environment.prefixViews[$0]) }
      if let old = kept?.instances[plugin.name], old.plugin == plugin, old.references == references {
        instances[plugin.name] = old
      } else {
        var own = environment
        own.pluginName = plugin.name
        instances[plugin.name] = Self.make(plugin, references, own)
      }
      for part in plugin.descriptor.parts {
        switch part {
        case .decider(let make): peers.deciders[plugin.name] = make(plugin.arguments, environment)
        case .detector(let make) where plugin.references.isEmpty:
          peers.detectors[plugin.name] = make(plugin.arguments, PluginPeers())
        default: break
        }
      }
    }
    self.peers = peers
  }

  private static func make(
    _ plugin: ConfiguredPlugin, _ references: [Reference], _ environment: PluginEnvironment
  ) -> Instance {
    var result = Instance(plugin: plugin, references: references)
    for part in plugin.descriptor.parts {
      switch part {
      case .scorer(let make): result.scorer = make(plugin.arguments, environment)
      case .filter(let make): result.filter = make(plugin.arguments, environment)
      case .picker(let make): result.picker = make(plugin.arguments)
      case .observer(let make): result.observer = make(plugin.arguments, environment)
      case .admission(let make): result.admission = make(plugin.arguments)
      case .profileHandler, .decider, .detector, .prefixProducer, .settings, .builtIn: break
      }
    }
    return result
  }

  /// The scorer of a plugin; nil when it is none.
  func scorer(_ plugin: ConfiguredPlugin) -> (any Scorer)? { instances[plugin.name]?.scorer }

  /// The filter of a plugin; nil when it is none.
  func filter(_ plugin: ConfiguredPlugin) -> (any Filter)? { instances[plugin.name]?.filter }

  /// The picker of a plugin; nil when it is none.
  func picker(_ plugin: ConfiguredPlugin) -> (any Picker)? { instances[plugin.name]?.picker }

  /// The admission plugin of a plugin; nil when it is none.
  func admission(_ plugin: ConfiguredPlugin) -> (any AdmissionPlugin)? { instances[plugin.name]?.admission }

  /// The observers of plugins, in their order.
  func observers(of plugins: [ConfiguredPlugin]) -> [any RequestObserver] {
    plugins.flatMap { plugin -> [any RequestObserver] in
      guard let instance = instances[plugin.name] else { return [] }
      return [instance.filter?.observer, instance.scorer?.observer, instance.observer].compactMap(\.self)
    }
  }

  /// The plugins that tell how much they remember, by their names.
  var stateReporters: [String: any PluginStateReporting] {
    instances.compactMapValues { instance in
      let parts: [Any?] = [instance.scorer, instance.filter, instance.observer]
      return parts.compactMap { $0 as? any PluginStateReporting }.first
    }
  }

  /// Makes the profile handler of a plugin; nil when it is none.
  func makeHandler(_ plugin: ConfiguredPlugin) -> (any ProfileHandler)? {
    for case .profileHandler(let make) in plugin.descriptor.parts { return make(plugin.arguments, peers) }
    return nil
  }

  /// Makes the detector of a plugin; nil when it is none.
  func makeDetector(_ plugin: ConfiguredPlugin) -> (any SaturationDetector)? {
    for case .detector(let make) in plugin.descriptor.parts { return make(plugin.arguments, peers) }
    return nil
  }
}

extension ConfiguredPlugin {
  /// The names of the plugins that the arguments refer to.
  var references: [String] { Self.references(arguments, descriptor.parameters) }

  private static func references(_ arguments: PluginArguments, _ parameters: [PluginParameter]) -> [String] {
    parameters.flatMap { parameter -> [String] in
      switch (parameter.kind, arguments.value(parameter.key)) {
      case (.reference, .text(let name)): [name]
      case (.references, .texts(let names)): names
      case (.object(let members), .object(let value)): references(value, members)
      case (.list(let members), .list(let values)): values.flatMap { references($0, members) }
      default: []
      }
    }
  }
}
