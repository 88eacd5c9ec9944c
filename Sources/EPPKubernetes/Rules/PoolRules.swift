package import EPPCore

/// The rules for a pool's requests, computed from the InferenceObjectives and InferenceModelRewrites that belong to it.
///
/// An exact match precedes a rule for all models. Among rules of equal rank, the one of the oldest object is used, then the
/// first one by the object's name, then the first one of the object.
package struct PoolRules: Sendable {
  package private(set) var rules = RequestRules()
  /// Reasons why objects or their rules are not used, in the order of the objects.
  package private(set) var problems: [String] = []

  private let pool: PoolReference

  /// Computes the rules.
  ///
  /// - Parameter pool: The pool; objects of others are ignored.
  package init(
    of pool: PoolReference, objectives: some Sequence<InferenceObjective>,
    rewrites: some Sequence<InferenceModelRewrite>
  ) {
    self.pool = pool
    for objective in objectives.sorted(by: { $0.metadata.name < $1.metadata.name }) where belongs(objective) {
      rules.priorities[objective.metadata.name] = objective.priority
    }
    let ordered = rewrites.sorted { ($0.createdAt, $0.metadata.name) < ($1.createdAt, $1.metadata.name) }
    for rewrite in ordered where belongs(rewrite) {
      for (position, rule) in rewrite.rules.enumerated() { add(rule, position, of: rewrite) }
    }
  }

  /// Whether the object is one of the pool. An object whose pool has the same name in another API group is a problem.
  private mutating func belongs(_ object: some PoolObject) -> Bool {
    guard !object.metadata.isTerminating, object.pool.name == pool.name else { return false }
    guard object.pool.names(pool) else {
      problems.append(
        "\(type(of: object)) \(object.key) is not used: its poolRef names \(object.pool.kind).\(object.pool.group), "
          + "and the pool is \(pool.kind).\(pool.group)")
      return false
    }
    return true
  }

  private mutating func add(_ rule: InferenceModelRewrite.Rule, _ position: Int, of rewrite: InferenceModelRewrite) {
    let place = "InferenceModelRewrite \(rewrite.key), rule \(position + 1)"
    // Either all targets have a weight or none has, which distributes requests evenly.
    let areWeighted = rule.targets.contains { ($0.weight ?? 0) > 0 }
    let targets = rule.targets.map { target in
      ModelRewriteRule.Target(model: target.modelRewrite, weight: areWeighted ? target.weight ?? 0 : 1)
    }
    if areWeighted, let unused = rule.targets.first(where: { ($0.weight ?? 0) <= 0 }) {
      problems.append("\(place): the target '\(unused.modelRewrite)' has no weight, others have: it is never chosen")
    }
    guard let rewriting = ModelRewriteRule(name: rewrite.metadata.name, targets: targets) else {
      problems.append("\(place) is not used: it has no targets")
      return
    }
    guard !rule.models.isEmpty else {
      if let earlier = rules.otherModels {
        problems.append("\(place) is not used: '\(earlier.name)' has an earlier rule for all models")
      } else {
        rules.otherModels = rewriting
      }
      return
    }
    for model in rule.models {
      if let earlier = rules.rewrites[model] {
        problems.append("\(place) is not used for '\(model)': '\(earlier.name)' has an earlier rule")
      } else {
        rules.rewrites[model] = rewriting
      }
    }
  }
}
