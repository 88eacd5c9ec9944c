import EPPCore
package import EPPMetrics
package import EPPPrefixCache

/// What a plugin does, and so where the configuration file may name it. The raw value is the word of messages.
package enum PluginRole: String, Sendable, CaseIterable {
  case scorer = "scorer"
  case filter = "filter"
  case picker = "picker"
  case producer = "data producer"
  case profileHandler = "profile handler"
  case dataSource = "data source"
  case extractor = "extractor"
  case discovery = "discovery plugin"
  case detector = "saturation detector"
  case orderingPolicy = "ordering policy"
  case fairnessPolicy = "fairness policy"
  case usageLimitPolicy = "usage limit policy"
  case parser = "parser"
}

/// A plugin type: everything that configuration, command line, metrics and documentation say of it is read from here.
package struct PluginDescriptor: Sendable, Equatable {
  /// What a plugin is made into. A type with several parts has several roles.
  package enum Part: Sendable {
    case scorer(@Sendable (PluginArguments, PluginEnvironment) -> any Scorer)
    case filter(@Sendable (PluginArguments, PluginEnvironment) -> any Filter)
    case picker(@Sendable (PluginArguments) -> any Picker)
    /// A view of the prefix index.
    case prefixProducer(@Sendable (PluginArguments) -> PrefixView)
    /// A value for the target that does the work.
    case settings(PluginRole, @Sendable (PluginArguments) -> any PluginSettings)
    /// What it stands for is always done, whether it is named or not.
    case builtIn(PluginRole)

    package var role: PluginRole {
      switch self {
      case .scorer: .scorer
      case .filter: .filter
      case .picker: .picker
      case .prefixProducer: .producer
      case .settings(let role, _), .builtIn(let role): role
      }
    }
  }

  /// The word of the configuration file and of metric labels.
  package let type: String
  /// Words that mean the same.
  package let olderNames: [String]
  /// One sentence without a full stop.
  package let summary: String
  package let parameters: [PluginParameter]
  /// What to say of a parameter that belongs elsewhere, by its key.
  package let movedParameters: [String: String]
  /// Whether llm-d's endpoint picker adds it by itself, so that a file may refer to it without naming it in `plugins`.
  package let isInjected: Bool
  /// Finds what contradicts or has no effect in arguments that are each right by themselves.
  package let check: @Sendable (inout PluginCheck) -> Void
  /// What a plugin with these arguments needs of a request.
  package let needs: @Sendable (PluginArguments, PluginEnvironment) -> PluginNeeds
  package let parts: [Part]

  package init(
    _ type: String, olderNames: [String] = [], _ summary: String, parameters: [PluginParameter] = [],
    movedParameters: [String: String] = [:], isInjected: Bool = false,
    needs: @escaping @Sendable (PluginArguments, PluginEnvironment) -> PluginNeeds = { _, _ in PluginNeeds() },
    check: @escaping @Sendable (inout PluginCheck) -> Void = { _ in }, parts: [Part]
  ) {
    self.type = type
    self.olderNames = olderNames
    self.summary = summary
    self.parameters = parameters
    self.movedParameters = movedParameters
    self.isInjected = isInjected
    self.needs = needs
    self.check = check
    self.parts = parts
  }

  package var roles: [PluginRole] { parts.map(\.role) }

  /// Types are told apart by their names, which a list holds once.
  package static func == (left: Self, right: Self) -> Bool { left.type == right.type }
}

/// What plugins need of a request beside its endpoints.
package struct PluginNeeds: Sendable, Equatable {
  /// Whether the prompt has to be looked up in the prefix index.
  package var prefixMatch: Bool
  /// Headers that have to be kept, lower case.
  package var headers: [String]

  package init(prefixMatch: Bool = false, headers: [String] = []) {
    self.prefixMatch = prefixMatch
    self.headers = headers
  }
}

/// A value that a plugin makes for the target that does its work.
package protocol PluginSettings: Sendable, Equatable {}

/// What plugins of one process share when they are made.
package struct PluginEnvironment: Sendable {
  /// The secret that session keys are hashed with.
  package var seed: HashSeed
  /// Where session ids come from, where a plugin does not say; lower case.
  package var sessionHeader: String
  /// Views of the prefix index, by the names of their producers.
  package var prefixViews: [String: PrefixView]
  /// Nil counts nothing.
  package var metrics: PickerMetrics?

  package init(
    seed: HashSeed, sessionHeader: String = HeaderName.sessionID, prefixViews: [String: PrefixView] = [:],
    metrics: PickerMetrics? = nil
  ) {
    self.seed = seed
    self.sessionHeader = sessionHeader
    self.prefixViews = prefixViews
    self.metrics = metrics
  }

  /// Whether a plugin that was made in the other one would be the same here.
  func makesTheSame(as other: PluginEnvironment) -> Bool {
    seed == other.seed && sessionHeader == other.sessionHeader && prefixViews == other.prefixViews
  }

  /// The view of a producer; of no name, or of one that is not known, the whole index.
  package func prefixView(named name: String?) -> PrefixView { name.flatMap { prefixViews[$0] } ?? .whole }
}

/// Gathers what is wrong with a plugin's arguments taken together.
package struct PluginCheck {
  /// A sentence, and the parameter that it is about: the keys from the outermost one in.
  package struct Problem: Equatable {
    package var message: String
    package var path: [String]
  }

  package let arguments: PluginArguments
  /// The plugin's type as the file has it.
  package let type: String
  package private(set) var problems: [Problem] = []
  /// What is accepted and has no effect.
  package private(set) var notes: [String] = []

  package init(_ arguments: PluginArguments, of type: String) {
    self.arguments = arguments
    self.type = type
  }

  /// - Parameter path: empty for what is missing.
  package mutating func report(_ message: String, at path: String...) {
    problems.append(Problem(message: message, path: path))
  }

  /// Reports a word that is none of the known ones, with the nearest of these.
  package mutating func report(unknown word: String, _ what: String, among known: [String], at path: String...) {
    problems.append(
      Problem(
        message: "unknown \(what) '\(word.shortened)'\(NearestWord.suggestion(known, for: word)) (known: "
          + known.joined(separator: ", ") + ")", path: path))
  }

  package mutating func note(_ message: String) { notes.append(message) }
}

/// A plugin of a configuration: a type, the name that the file gives it, and its arguments.
package struct ConfiguredPlugin: Sendable, Equatable {
  /// The type's name unless the file gives another. Shown in logs and metric labels.
  package let name: String
  package let descriptor: PluginDescriptor
  package let arguments: PluginArguments

  package init(_ descriptor: PluginDescriptor, name: String? = nil, arguments: PluginArguments = PluginArguments()) {
    self.name = name ?? descriptor.type
    self.descriptor = descriptor
    self.arguments = arguments
  }

  /// With one argument that is not the default.
  package init<Value>(_ descriptor: PluginDescriptor, _ parameter: TypedParameter<Value>, _ value: Value) {
    var arguments = PluginArguments()
    arguments[parameter] = value
    self.init(descriptor, arguments: arguments)
  }

  /// The settings that the plugin makes; nil when it makes none of this type.
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
