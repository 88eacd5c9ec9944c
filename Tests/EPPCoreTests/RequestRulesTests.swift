import EPPCore
import EPPTestKit
import Testing

@Suite struct RequestRulesTests {
  private func rule(_ weights: [Int32]) -> ModelRewriteRule? {
    ModelRewriteRule(
      name: "rule",
      targets: weights.enumerated().map { ModelRewriteRule.Target(model: "m\($0)", weight: $1) })
  }

  @Test("Targets are drawn by their weights, and without a weight never")
  func draws() throws {
    var generator = SplitMix64(seed: 7)
    let rule = try #require(self.rule([1, 0, 9, -5]))
    var counts: [String: Int] = [:]
    for _ in 0..<10_000 { counts[rule.draw(using: &generator), default: 0] += 1 }
    #expect(counts.keys.sorted() == ["m0", "m2"])
    #expect((800...1200).contains(counts["m0"] ?? 0))
    let heavy = try #require(self.rule([.max, .max, .max]))
    #expect(["m0", "m1", "m2"].contains(heavy.draw(using: &generator)))
  }

  @Test("A rule without a target that can be drawn is none", arguments: [[], [0], [0, -1]] as [[Int32]])
  func empty(weights: [Int32]) { #expect(rule(weights) == nil) }

  @Test("The rule of a model precedes that of all other models, and an unknown objective has the priority 0")
  func lookUp() throws {
    let (exact, general) = (try #require(rule([1])), try #require(rule([1, 1])))
    let rules = RequestRules(priorities: ["batch": -1], rewrites: ["a": exact], otherModels: general)
    #expect(rules.rewrite(ofModel: "a") == exact && rules.rewrite(ofModel: "b") == general)
    #expect(RequestRules(rewrites: ["a": exact]).rewrite(ofModel: "b") == nil)
    #expect(rules.priority(ofObjective: "batch") == -1)
    #expect(rules.priority(ofObjective: "other") == 0 && rules.priority(ofObjective: nil) == 0)
  }
}
