import EPPCore

/// A scheduling profile as flags or the configuration file describe it: filters narrow, scorers rank by a weighted
/// sum, one picker chooses.
package struct ProfileConfiguration: Sendable, Equatable {
  /// A scorer with its weight in the sum.
  package struct WeightedScorer: Sendable, Equatable {
    /// The plugin's name: its type unless the configuration file gives another. Shown in logs and metric labels.
    package var name: String
    package var scorer: ScorerConfiguration
    /// Not negative; weights are not normalised.
    package var weight: Double

    package init(name: String? = nil, _ scorer: ScorerConfiguration, weight: Double) {
      self.name = name ?? scorer.type.rawValue
      self.scorer = scorer
      self.weight = weight
    }
  }

  package var name: String
  package var scorers: [WeightedScorer]
  package var picker: PickerConfiguration

  package init(name: String = "default", scorers: [WeightedScorer], picker: PickerConfiguration) {
    self.name = name
    self.scorers = scorers
    self.picker = picker
  }

  /// The profile that ships: the anchor's weights, and session affinity for requests that carry a session id.
  package static let weighted = ProfileConfiguration(
    scorers: [
      WeightedScorer(.queue, weight: 2),
      WeightedScorer(.kvCacheUtilization, weight: 2),
      WeightedScorer(.prefixCache(PrefixCacheParameters()), weight: 3),
      WeightedScorer(.sessionAffinity(SessionAffinityParameters()), weight: 2),
    ], picker: .maximumScore(maximumEndpoints: 1))
}

/// A scorer's type and its parameters.
package enum ScorerConfiguration: Sendable, Equatable {
  case queue
  case runningRequests
  case kvCacheUtilization
  case prefixCache(PrefixCacheParameters)
  case loRAAffinity
  case sessionAffinity(SessionAffinityParameters)

  /// The words of the configuration file.
  package enum TypeName: String, Sendable, CaseIterable {
    case queue = "queue-scorer"
    case runningRequests = "running-requests-size-scorer"
    case kvCacheUtilization = "kv-cache-utilization-scorer"
    case prefixCache = "prefix-cache-scorer"
    case loRAAffinity = "lora-affinity-scorer"
    case sessionAffinity = "session-affinity-scorer"
  }

  package var type: TypeName {
    switch self {
    case .queue: .queue
    case .runningRequests: .runningRequests
    case .kvCacheUtilization: .kvCacheUtilization
    case .prefixCache: .prefixCache
    case .loRAAffinity: .loRAAffinity
    case .sessionAffinity: .sessionAffinity
    }
  }
}

/// Parameters of `prefix-cache-scorer`: score = w·min(1, match tokens / scale)² + (1 - w)·match / total.
package struct PrefixCacheParameters: Sendable, Equatable {
  /// w, 0...1.
  package var matchLengthWeight = 0.0
  /// Tokens, > 0.
  package var matchLengthScaleTokens = 8192

  package init() {}
}

/// Parameters of `session-affinity-scorer`.
package struct SessionAffinityParameters: Sendable, Equatable {
  /// Where a request's session key comes from.
  package enum Strategy: Sendable, Equatable {
    /// The value of a header; requests without it get no opinion.
    case header(String)
    /// The client's address: the gateway's `source.address` attribute, else the hop of `x-forwarded-for` that lies
    /// `trustedHops` from the right (1 is the last).
    case clientAddress(trustedHops: Int)
  }

  package var strategy = Strategy.header(HeaderName.sessionID)
  /// How long a session outlives its last request.
  package var timeToLive = Duration.seconds(300)
  /// Sessions that one client address may hold; past it the oldest is dropped.
  package var maximumSessionsPerAddress = 10_000
  /// Sessions in all; bounds memory.
  package var maximumSessions = 1_000_000

  package init() {}
}

/// A picker's type and its parameters.
package enum PickerConfiguration: Sendable, Equatable {
  /// `max-score-picker`: highest score, ties at random.
  case maximumScore(maximumEndpoints: Int)
  /// `random-picker`.
  case random(maximumEndpoints: Int)

  /// The words of the configuration file.
  package enum TypeName: String, Sendable, CaseIterable {
    case maximumScore = "max-score-picker"
    case random = "random-picker"
  }

  package var type: TypeName {
    switch self {
    case .maximumScore: .maximumScore
    case .random: .random
    }
  }

  /// How many endpoints the destination names, best first: the gateway tries them in order. At least 1.
  package var maximumEndpoints: Int {
    switch self {
    case .maximumScore(let count), .random(let count): max(1, count)
    }
  }
}
