/// The weights of the scorers of a running process, and those that its configuration gives them.
package struct WeightReport: Sendable, Equatable, Codable {
  /// A scorer of a profile.
  package struct Scorer: Sendable, Equatable, Codable {
    /// The profile's name.
    package var profile: String
    /// The scorer's name: its type, unless the configuration file gives another.
    package var name: String
    /// The plugin type.
    package var type: String
    /// The weight in force.
    package var weight: Double
    /// The weight that flags or configuration file say.
    package var configuredWeight: Double

    package init(profile: String, name: String, type: String, weight: Double, configuredWeight: Double) {
      self.profile = profile
      self.name = name
      self.type = type
      self.weight = weight
      self.configuredWeight = configuredWeight
    }
  }

  /// The scorers in the order of the profiles.
  package var scorers: [Scorer]
  /// The configuration file's path, or `--config-text`; nil where the scorers are those of flags or of the default profile.
  package var source: String?

  /// A report of scorers.
  package init(scorers: [Scorer], source: String?) {
    self.scorers = scorers
    self.source = source
  }

  /// Compares the profiles in force with those of the configuration, which have the same scorers.
  package init(inForce: [ProfileConfiguration], configured: [ProfileConfiguration], source: String?) {
    scorers = zip(inForce, configured).flatMap { current, original in
      zip(current.scorers, original.scorers).map { entry, before in
        Scorer(
          profile: current.name, name: entry.plugin.name, type: entry.plugin.descriptor.type, weight: entry.weight,
          configuredWeight: before.weight)
      }
    }
    self.source = source
  }
}

/// Why weights cannot be changed; nothing is changed then.
package struct WeightProblem: Error, Sendable, Equatable, Codable {
  /// One sentence for each.
  package var problems: [String]

  package init(_ problems: [String]) { self.problems = problems }
}
