/// Rules of the pool's operator for requests: priorities of objectives, and rewrites of model names.
package struct RequestRules: Equatable, Sendable {
  /// Priorities by the names of objectives. A request names its objective in a header.
  package var priorities: [String: Int]
  /// Rules by the models that requests name.
  package var rewrites: [String: ModelRewriteRule]
  /// The rule of all other models; nil for none.
  package var otherModels: ModelRewriteRule?

  package init(
    priorities: [String: Int] = [:], rewrites: [String: ModelRewriteRule] = [:], otherModels: ModelRewriteRule? = nil
  ) {
    self.priorities = priorities
    self.rewrites = rewrites
    self.otherModels = otherModels
  }

  /// Returns the priority of an objective; 0, the default of llm-d, for an unknown one and for none.
  package func priority(ofObjective name: String?) -> Int {
    name.flatMap { priorities[$0] } ?? 0
  }

  /// Returns the rule for requests that name this model; nil when there is none.
  package func rewrite(ofModel model: String) -> ModelRewriteRule? { rewrites[model] ?? otherModels }
}

/// Distributes the requests for a model among target models.
package struct ModelRewriteRule: Equatable, Sendable {
  /// A target model and its share of the requests.
  package struct Target: Equatable, Sendable {
    package var model: String
    /// The share, relative to those of the other targets.
    package var weight: Int32

    package init(model: String, weight: Int32) {
      self.model = model
      self.weight = weight
    }
  }

  /// The name of the object that states the rule, for metrics.
  package let name: String
  private let targets: [Target]
  private let sum: Int

  /// Returns nil when no target has a positive weight. Targets without one are never chosen.
  package init?(name: String, targets: [Target]) {
    self.name = name
    self.targets = targets.filter { $0.weight > 0 }
    sum = self.targets.reduce(0) { $0 + Int($1.weight) }
    guard sum > 0 else { return nil }
  }

  /// Draws a target model by weight.
  package func draw(using generator: inout some RandomNumberGenerator) -> String {
    guard targets.count > 1 else { return targets[0].model }
    var position = Int.random(in: 0..<sum, using: &generator)
    for target in targets {
      position -= Int(target.weight)
      if position < 0 { return target.model }
    }
    return targets[0].model
  }
}
