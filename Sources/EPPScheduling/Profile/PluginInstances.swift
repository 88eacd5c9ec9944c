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
    var producer: (any DataProducer)?
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
    let kept = predecessor.flatMap { $0.environment.makesTheSame(as: environment) ? $0 : nil }
    let plugins = configuration.plugins
    // Those that refer to others come behind them.
    let producing = plugins.filter { $0.producesData(environment) }
    let producers = producing.filter(\.references.isEmpty) + producing.filter { !$0.references.isEmpty }
    var environment = environment
    for plugin in producers {
      let old = kept?.instances[plugin.name].flatMap {
        $0.plugin == plugin && $0.producer != nil && plugin.references.isEmpty ? $0 : nil
      }
      let instance = old ?? Self.make(plugin, [], environment.named(plugin.name))
      instances[plugin.name] = instance
      if let producer = instance.producer { environment.add(producer, named: plugin.name) }
    }
    self.environment = environment
    let byName = Dictionary(plugins.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    var peers = PluginPeers()
    peers.profiles = configuration.profiles.map(\.name)
    for plugin in plugins {
      var names = plugin.references
      // A producer that is not named is the first of its type.
      if plugin.needsDataProducer { names += producers.map(\.name) }
      let references = names.map { Reference(plugin: byName[$0], view: environment.prefixViews[$0]) }
      if instances[plugin.name] != nil {
        // It is a data producer.
      } else if let old = kept?.instances[plugin.name], old.plugin == plugin, old.references == references {
        instances[plugin.name] = old
      } else {
        instances[plugin.name] = Self.make(plugin, references, environment.named(plugin.name))
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
      case .filter(let make), .screen(let make): result.filter = make(plugin.arguments, environment)
      case .picker(let make): result.picker = make(plugin.arguments)
      case .observer(let make): result.observer = make(plugin.arguments, environment)
      case .admission(let make): result.admission = make(plugin.arguments)
      case .dataProducer(let make): result.producer = make(plugin.arguments, environment)
      case .ownIndex(let make):
        if environment.prefixViews[plugin.name]?.source == .ownIndex {
          result.producer = make(plugin.arguments, environment)
        }
      case .profileHandler, .decider, .detector, .prefixProducer, .settings, .builtIn: break
      }
    }
    return result
  }

  /// The scorer of a plugin; nil when it is none.
  func scorer(_ plugin: ConfiguredPlugin) -> (any Scorer)? { instances[plugin.name]?.scorer }

  /// The filter or screen of a plugin; nil when it is none.
  func filter(_ plugin: ConfiguredPlugin) -> (any Filter)? { instances[plugin.name]?.filter }

  /// The picker of a plugin; nil when it is none.
  func picker(_ plugin: ConfiguredPlugin) -> (any Picker)? { instances[plugin.name]?.picker }

  /// The admission plugin of a plugin; nil when it is none.
  func admission(_ plugin: ConfiguredPlugin) -> (any AdmissionPlugin)? { instances[plugin.name]?.admission }

  /// The observers of a plugin.
  func observers(of plugin: ConfiguredPlugin) -> [any RequestObserver] {
    guard let instance = instances[plugin.name] else { return [] }
    return [instance.filter?.observer, instance.scorer?.observer, instance.observer].compactMap(\.self)
  }

  /// The plugins that tell how much they remember, by their names.
  var stateReporters: [String: any PluginStateReporting] {
    instances.compactMapValues { instance in
      let parts: [Any?] = [instance.scorer, instance.filter, instance.observer, instance.producer]
      return parts.compactMap { $0 as? any PluginStateReporting }.first
    }
  }

  /// The plugins of the data producers, in the order of their numbers.
  var producingPlugins: [ConfiguredPlugin] { environment.producers.compactMap { instances[$0.name]?.plugin } }

  /// The data producers, in the order of their numbers.
  var producers: [any DataProducer] { environment.producers.map(\.producer) }

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

extension PluginEnvironment {
  /// The environment of the plugin with a name.
  fileprivate func named(_ name: String) -> PluginEnvironment {
    var result = self
    result.pluginName = name
    return result
  }

  /// Adds a data producer, and the view that it shows.
  fileprivate mutating func add(_ producer: any DataProducer, named name: String) {
    let view = prefixViews[name] ?? .whole
    prefixViews[name] = PrefixView(maximumTokens: view.maximumTokens, .producer(producers.count))
    producers.append((name, producer))
  }
}

extension ConfiguredPlugin {
  /// Whether the plugin is a data producer in an environment.
  fileprivate func producesData(_ environment: PluginEnvironment) -> Bool {
    descriptor.parts.contains { part in
      switch part {
      case .dataProducer: true
      case .ownIndex: environment.prefixViews[name]?.source == .ownIndex
      default: false
      }
    }
  }

  /// Whether the arguments may name a data producer, and do not.
  fileprivate var needsDataProducer: Bool {
    descriptor.parameters.contains { parameter in
      if case .reference(.producer) = parameter.kind { arguments.value(parameter.key) == nil } else { false }
    }
  }

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
