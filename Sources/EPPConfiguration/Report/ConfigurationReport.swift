package import EPPScheduling
package import FoundationEssentials

/// The configuration in force of a running process, as `GET /debug/config` shows it.
package struct ConfigurationReport: Sendable, Equatable, Encodable {
  /// Where the configuration is from.
  package enum Origin: String, Sendable, Encodable {
    /// From flags alone.
    case flags
    /// From the file of `--config-file`, and flags.
    case file
    /// From the flag `--config-text`, and other flags.
    case text
  }

  /// How the last attempt to read the configuration again ended.
  package struct Reload: Sendable, Equatable, Encodable {
    /// The kinds of ends.
    package enum State: String, Sendable, Encodable {
      /// There was no attempt: the configuration is that of the start.
      case none
      /// What was read is in force.
      case ok
      /// What was read is wrong, and the earlier configuration still in force.
      case failed
    }

    /// How it ended.
    package var state: State
    /// When; nil where there was no attempt.
    package var time: Date?
    /// What is wrong, one text for each problem, with file, line and column.
    package var errors: [String]
  }

  /// A scheduling profile in force.
  package struct Profile: Sendable, Equatable, Encodable {
    /// A scorer with its weight.
    package struct Scorer: Sendable, Equatable, Encodable {
      /// The scorer's name.
      package var name: String
      /// The weight in force, which `POST /weights` may have changed since the configuration was read.
      package var weight: Double
    }

    /// The profile's name.
    package var name: String
    /// Names of the filters, in the order of their application.
    package var filters: [String]
    /// The scorers.
    package var scorers: [Scorer]
    /// The picker's name.
    package var picker: String

    /// Describes a profile.
    package init(_ profile: ProfileConfiguration) {
      name = profile.name
      filters = profile.filters.map(\.name)
      scorers = profile.scorers.map { Scorer(name: $0.plugin.name, weight: $0.weight) }
      picker = profile.picker.name
    }
  }

  /// Where the configuration in force is from.
  package private(set) var origin: Origin
  /// The path of the configuration file; nil where there is none.
  package private(set) var path: String?
  /// Since when it is in force.
  package private(set) var since: Date
  /// The arguments of the process, without the values that are secrets.
  package let arguments: [String]
  /// The text of the configuration file, without secrets; nil where there is none.
  package private(set) var text: String?
  /// Notes on parts of it that have no effect.
  package private(set) var warnings: [String]
  /// How the last attempt to read it again ended.
  package private(set) var lastReload = Reload(state: .none, time: nil, errors: [])
  /// The profiles in force.
  package var profiles: [Profile]

  /// The report of a start.
  ///
  /// - Parameters:
  ///   - arguments: The arguments of the process, without its name.
  ///   - time: The time of the start.
  package init(_ configuration: ServeConfiguration, arguments: [String], time: Date) {
    self.arguments = SecretRedaction.arguments(arguments)
    profiles = configuration.scheduling.scheduler.profiles.map { Profile($0) }
    warnings = configuration.warnings
    since = time
    origin = .flags
    show(configuration.text)
  }

  /// Records that the configuration was read again and is in force.
  package mutating func reloaded(_ configuration: ServeConfiguration, time: Date) {
    profiles = configuration.scheduling.scheduler.profiles.map { Profile($0) }
    warnings = configuration.warnings
    since = time
    show(configuration.text)
    lastReload = Reload(state: .ok, time: time, errors: [])
  }

  /// Records that the configuration was read again and cannot be used, so that the earlier one is still in force.
  package mutating func reloadFailed(_ problems: ConfigurationProblems, time: Date) {
    lastReload = Reload(state: .failed, time: time, errors: problems.problems.map(\.description))
  }

  private mutating func show(_ configuration: ConfigurationText?) {
    text = configuration.map { SecretRedaction.text($0.text) }
    switch configuration?.origin {
    case nil: (origin, path) = (.flags, nil)
    case .text: (origin, path) = (.text, nil)
    case .file(let file): (origin, path) = (.file, file)
    }
  }
}
