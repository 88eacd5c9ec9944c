import EPPCore
import Testing

@testable import EPPKubernetes

@Suite struct PoolRulesTests {
  private let pool = PoolReference(name: "pool")

  private func rewrite(
    _ name: String, createdAt: String = "2026-01-01T00:00:00Z", pool: PoolReference = PoolReference(name: "pool"),
    _ rules: InferenceModelRewrite.Rule...
  ) -> InferenceModelRewrite {
    InferenceModelRewrite(
      metadata: ObjectMetadata(name: name, namespace: "ns"), createdAt: createdAt, pool: pool, rules: rules)
  }

  private func rule(_ models: [String], _ targets: [(String, Int32?)]) -> InferenceModelRewrite.Rule {
    InferenceModelRewrite.Rule(
      models: models, targets: targets.map { InferenceModelRewrite.Target(modelRewrite: $0.0, weight: $0.1) })
  }

  private func expected(_ name: String, _ targets: (String, Int32)...) -> ModelRewriteRule? {
    ModelRewriteRule(name: name, targets: targets.map { ModelRewriteRule.Target(model: $0.0, weight: $0.1) })
  }

  private func rules(_ rewrites: InferenceModelRewrite...) -> PoolRules {
    PoolRules(of: pool, objectives: [], rewrites: rewrites)
  }

  @Test(
    "Objectives of the pool have their priority; those of another pool, and those that are being deleted, have none")
  func objectives() {
    func objective(_ name: String, _ priority: Int, pool: PoolReference? = nil, ends: Bool = false)
      -> InferenceObjective
    {
      InferenceObjective(
        metadata: ObjectMetadata(name: name, namespace: "ns", isTerminating: ends), pool: pool ?? self.pool,
        priority: priority)
    }
    let computed = PoolRules(
      of: pool,
      objectives: [
        objective("a", 5), objective("b", -1), objective("c", 1, pool: PoolReference(name: "other")),
        objective("d", 2, ends: true),
        objective("e", 3, pool: PoolReference(group: PoolGroup.experimental.rawValue, name: "pool")),
        // What the API server fills in for one that states no group.
        objective("f", 4, pool: PoolReference(group: "llm-d.ai", name: "pool")),
      ], rewrites: [])
    #expect(computed.rules == RequestRules(priorities: ["a": 5, "b": -1, "f": 4]))
    #expect(
      computed.problems == [
        "InferenceObjective ns/e is not used: its poolRef names InferencePool.inference.networking.x-k8s.io, "
          + "and the pool is InferencePool.inference.networking.k8s.io"
      ])
  }

  @Test("The oldest object states the rule, then the first by name, then the first one of an object")
  func precedence() {
    let computed = rules(
      rewrite("0-new", createdAt: "2026-01-02T00:00:00Z", rule(["a", "n"], [("new", nil)]), rule([], [("any", nil)])),
      rewrite("b", rule(["a"], [("b", nil)]), rule([], [("general", nil)])),
      rewrite("a", rule(["a", "c"], [("first", nil)]), rule(["c"], [("second", nil)])))
    #expect(
      computed.rules.rewrites == [
        "a": expected("a", ("first", 1)), "c": expected("a", ("first", 1)), "n": expected("0-new", ("new", 1)),
      ])
    #expect(computed.rules.otherModels == expected("b", ("general", 1)))
    #expect(
      computed.problems == [
        "InferenceModelRewrite ns/a, rule 2 is not used for 'c': 'a' has an earlier rule",
        "InferenceModelRewrite ns/b, rule 1 is not used for 'a': 'a' has an earlier rule",
        "InferenceModelRewrite ns/0-new, rule 1 is not used for 'a': 'a' has an earlier rule",
        "InferenceModelRewrite ns/0-new, rule 2 is not used: 'b' has an earlier rule for all models",
      ])
  }

  @Test("Targets all have weights, or none has; mixed, those without one are never chosen")
  func weights() {
    let computed = rules(
      rewrite(
        "w", rule(["a"], [("x", 3), ("y", 1)]), rule(["b"], [("x", nil), ("y", nil)]),
        rule(["c"], [("x", 0), ("y", 0)]),
        rule(["d"], [("x", nil), ("y", 2)]), rule(["e"], [])))
    #expect(
      computed.rules.rewrites == [
        "a": expected("w", ("x", 3), ("y", 1)), "b": expected("w", ("x", 1), ("y", 1)),
        "c": expected("w", ("x", 1), ("y", 1)), "d": expected("w", ("y", 2)),
      ])
    #expect(
      computed.problems == [
        "InferenceModelRewrite ns/w, rule 4: the target 'x' has no weight, others have: it is never chosen",
        "InferenceModelRewrite ns/w, rule 5 is not used: it has no targets",
      ])
  }
}
