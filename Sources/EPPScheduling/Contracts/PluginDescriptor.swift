import EPPCore
package import EPPMetrics
package import EPPPrefixCache

/// What a plugin does, which determines where the configuration file may name it. The raw value is used in messages.
package enum PluginRole: String, Sendable, CaseIterable {
  case scorer = "scorer"
  case filter = "filter"
  case screener = "screener"
  case picker = "picker"
  case observer = "request observer"
  case producer = "data producer"
  case profileHandler = "profile handler"
  case decider = "decider"
  case admission = "admission plugin"
  case dataSource = "data source"
  case extractor = "extractor"
  case discovery = "discovery plugin"
  case detector = "saturation detector"
  case orderingPolicy = "ordering policy"
  case fairnessPolicy = "fairness policy"
  case usageLimitPolicy = "usage limit policy"
  case evictionPolicy = "eviction policy"
  case parser = "parser"

  /// The role with its indefinite article, for messages.
  package var withArticle: String { ("aeiou".contains(rawValue.prefix(1)) ? "an " : "a ") + rawValue }
}

/// A plugin type: the single source for configuration, command line, metrics and documentation.
package struct PluginDescriptor: Sendable, Equatable {
  /// What a plugin is made into. A type with several parts has several roles.
  package enum Part: Sendable {
    case scorer(@Sendable (PluginArguments, PluginEnvironment) -> any Scorer)
    case filter(@Sendable (PluginArguments, PluginEnvironment) -> any Filter)
    /// Narrows the candidates of a request once, before all profiles.
    case screen(@Sendable (PluginArguments, PluginEnvironment) -> any Filter)
    case picker(@Sendable (PluginArguments) -> any Picker)
    /// An observer of requests that belongs to no scorer or filter.
    case observer(@Sendable (PluginArguments, PluginEnvironment) -> any RequestObserver)
    /// Chooses the profiles of a request.
    case profileHandler(@Sendable (PluginArguments, PluginPeers) -> any ProfileHandler)
    /// Decides about the stages of a request.
    case decider(@Sendable (PluginArguments, PluginEnvironment) -> any StageDecider)
    /// Measures saturation.
    case detector(@Sendable (PluginArguments, PluginPeers) -> any SaturationDetector)
    /// Refuses requests before they are scheduled.
    case admission(@Sendable (PluginArguments) -> any AdmissionPlugin)
    /// A view of the prefix index.
    case prefixProducer(@Sendable (PluginArguments) -> PrefixView)
    /// Finds facts about a request.
    case dataProducer(@Sendable (PluginArguments, PluginEnvironment) -> any DataProducer)
    /// A prefix index of the plugin's own, where the pool's index does not serve it.
    case ownIndex(@Sendable (PluginArguments, PluginEnvironment) -> any DataProducer)
    /// A value for the module that does the work; nil where the arguments say nothing about it.
    case settings(PluginRole, @Sendable (PluginArguments) -> (any PluginSettings)?)
    /// A function that is always active, whether the plugin is named or not.
    case builtIn(PluginRole)

    /// The role of the part.
    package var role: PluginRole {
      switch self {
      case .scorer: .scorer
      case .filter: .filter
      case .screen: .screener
      case .picker: .picker
      case .observer: .observer
      case .profileHandler: .profileHandler
      case .decider: .decider
      case .detector: .detector
      case .admission: .admission
      case .prefixProducer, .dataProducer, .ownIndex: .producer
      case .settings(let role, _), .builtIn(let role): role
      }
    }
  }

  /// The type's name in the configuration file and in metric labels.
  package let type: String
  /// Other names that the configuration file may use. Newer releases of llm-d have removed them.
  package let olderNames: [String]
  /// What to do instead where newer releases of llm-d have removed the type too; nil where they have it.
  package let removal: String?
  /// A one-sentence description without a full stop.
  package let summary: String
  /// The parameters that the configuration file may give.
  package let parameters: [PluginParameter]
  /// Whether llm-d's endpoint picker adds the plugin by itself, so that a file may refer to it without naming it in `plugins`.
  package let isInjected: Bool
  /// The plugin that llm-d's endpoint picker adds where a file has this one and none of that type; nil for none.
  package let implied: @Sendable () -> PluginDescriptor?
  /// Reports arguments that contradict each other or have no effect.
  package let check: @Sendable (inout PluginCheck) -> Void
  /// What a plugin with these arguments needs of a request.
  package let needs: @Sendable (PluginArguments, PluginEnvironment) -> PluginNeeds
  /// For a profile handler: the profiles that its arguments name.
  package let profileNames: @Sendable (PluginArguments) -> [ProfileNeed]
  /// What stands in the place of a plugin in the newest form of a file; nil where it stays as it is.
  package let migration: @Sendable (ConfiguredPlugin) -> PluginMigration?
  /// What the plugin is made into.
  package let parts: [Part]

  package init(
    _ type: String, olderNames: [String] = [], removal: String? = nil, _ summary: String,
    parameters: [PluginParameter] = [], isInjected: Bool = false,
    implied: @escaping @Sendable () -> PluginDescriptor? = { nil },
    needs: @escaping @Sendable (PluginArguments, PluginEnvironment) -> PluginNeeds = { _, _ in PluginNeeds() },
    profileNames: @escaping @Sendable (PluginArguments) -> [ProfileNeed] = { _ in [] },
    check: @escaping @Sendable (inout PluginCheck) -> Void = { _ in },
    migration: @escaping @Sendable (ConfiguredPlugin) -> PluginMigration? = { _ in nil }, parts: [Part]
  ) {
    self.type = type
    self.olderNames = olderNames
    self.removal = removal
    self.summary = summary
    self.parameters = parameters
    self.isInjected = isInjected
    self.implied = implied
    self.needs = needs
    self.profileNames = profileNames
    self.check = check
    self.migration = migration
    self.parts = parts
  }

  /// A note on a name by which a file may call the type; nil for one that the newest release of llm-d knows.
  package func note(on name: String) -> String? {
    guard removal != nil || name != type else { return nil }
    return "'\(name)' is removed in newer releases of llm-d: \(removal ?? "use \(type)")"
  }

  /// The roles of all parts.
  package var roles: [PluginRole] { parts.map(\.role) }

  /// Compares the types' names, which are unique in a list.
  package static func == (left: Self, right: Self) -> Bool { left.type == right.type }
}

/// A scheduling profile that a profile handler names.
package struct ProfileNeed: Sendable, Equatable {
  /// The profile's name.
  package var name: String
  /// Whether the handler cannot work without it.
  package var isNeeded: Bool

  package init(_ name: String, isNeeded: Bool) {
    self.name = name
    self.isNeeded = isNeeded
  }
}

/// What plugins need of a request besides its endpoints.
package struct PluginNeeds: Sendable, Equatable {
  /// Whether the prompt has to be looked up in the prefix index.
  package var prefixMatch: Bool
  /// Headers that have to be kept, in lower case.
  package var headers: [String]

  package init(prefixMatch: Bool = false, headers: [String] = []) {
    self.prefixMatch = prefixMatch
    self.headers = headers
  }
}

/// A value that a plugin makes for the module that does its work.
package protocol PluginSettings: Sendable, Equatable {}

/// What the plugins of one process share.
package struct PluginEnvironment: Sendable {
  /// The secret with which session keys are hashed.
  package var seed: HashSeed
  /// The header with the session id, in lower case, for plugins that name none.
  package var sessionHeader: String
  /// The views of the prefix index, by the names of their producers.
  package var prefixViews: [String: PrefixView]
  /// The data producers, in the order of their numbers.
  package internal(set) var producers: [(name: String, producer: any DataProducer)] = []
  /// The metrics; nil counts nothing.
  package var metrics: PickerMetrics?
  /// The name of the plugin that is made, for its metrics.
  package internal(set) var pluginName = ""
  /// The sessions that session plugins share, and that outlive a reload.
  package var sessions: SessionEnvironment

  package init(
    seed: HashSeed, sessionHeader: String = HeaderName.sessionID, prefixViews: [String: PrefixView] = [:],
    metrics: PickerMetrics? = nil, sessions: SessionEnvironment = SessionEnvironment()
  ) {
    self.seed = seed
    self.sessionHeader = sessionHeader
    self.prefixViews = prefixViews
    self.metrics = metrics
    self.sessions = sessions
  }

  /// Whether a plugin made in the other environment, which refers to the same plugins, would be equal to one made here.
  func makesTheSame(as other: PluginEnvironment) -> Bool {
    seed == other.seed && sessionHeader == other.sessionHeader && sessions.makesTheSame(as: other.sessions)
  }

  /// The data producer of a type with a name, or the first of the type where the name is nil; nil when there is none.
  package func producer<Producer: DataProducer>(named name: String?, _ type: Producer.Type) -> Producer? {
    for entry in producers where name == nil || entry.name == name {
      if let producer = entry.producer as? Producer { return producer }
    }
    return nil
  }

  /// The view of a producer; the whole index for nil and for an unknown name.
  package func prefixView(named name: String?) -> PrefixView { name.flatMap { prefixViews[$0] } ?? .whole }
}

/// Collects the problems of a plugin's arguments.
package struct PluginCheck {
  /// A problem, and the parameter that it concerns.
  package struct Problem: Equatable {
    /// What is wrong, in a sentence.
    package var message: String
    /// The keys of the parameter, from the outermost one in.
    package var path: [String]
  }

  /// The arguments to check.
  package let arguments: PluginArguments
  /// The plugin's type as the file names it.
  package let type: String
  /// The problems reported so far.
  package private(set) var problems: [Problem] = []
  /// Notes on arguments that are accepted and have no effect.
  package private(set) var notes: [String] = []

  /// A check without problems.
  package init(_ arguments: PluginArguments, of type: String) {
    self.arguments = arguments
    self.type = type
  }

  /// Adds a problem.
  ///
  /// - Parameter path: the keys of the parameter; empty for what is missing.
  package mutating func report(_ message: String, at path: String...) { report(message, at: path) }

  /// Adds a problem.
  ///
  /// - Parameter path: the keys of the parameter, and the indices of entries of lists.
  package mutating func report(_ message: String, at path: [String]) {
    problems.append(Problem(message: message, path: path))
  }

  /// Adds a problem for an unknown word, with the nearest known word as a suggestion.
  package mutating func report(unknown word: String, _ what: String, among known: [String], at path: String...) {
    problems.append(
      Problem(
        message: "unknown \(what) '\(word.shortened)'\(NearestWord.suggestion(known, for: word)) (known: "
          + known.joined(separator: ", ") + ")", path: path))
  }

  /// Adds a note.
  package mutating func note(_ message: String) { notes.append(message) }
}

/// A plugin of a configuration: its type, the name that the file gives it, and its arguments.
package struct ConfiguredPlugin: Sendable, Equatable {
  /// The plugin's name: its type unless the file gives another. Shown in logs and metric labels.
  package let name: String
  /// The type.
  package let descriptor: PluginDescriptor
  /// The arguments; parameters without one have their defaults.
  package let arguments: PluginArguments

  package init(_ descriptor: PluginDescriptor, name: String? = nil, arguments: PluginArguments = PluginArguments()) {
    self.name = name ?? descriptor.type
    self.descriptor = descriptor
    self.arguments = arguments
  }

  /// A plugin with one argument that is not the default.
  package init<Value>(_ descriptor: PluginDescriptor, _ parameter: TypedParameter<Value>, _ value: Value) {
    var arguments = PluginArguments()
    arguments[parameter] = value
    self.init(descriptor, arguments: arguments)
  }

  /// The settings of this type that the plugin makes; nil when it makes none.
  package func settings<Settings: PluginSettings>(_ type: Settings.Type) -> Settings? {
    for case .settings(_, let make) in descriptor.parts {
      if let settings = make(arguments) as? Settings { return settings }
    }
    return nil
  }

  /// The view of the prefix index that the plugin makes; nil when it makes none.
  package var prefixView: PrefixView? {
    for case .prefixProducer(let make) in descriptor.parts { return make(arguments) }
    return nil
  }
}
