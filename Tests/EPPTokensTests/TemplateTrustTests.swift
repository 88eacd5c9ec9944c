import EPPCore
import Testing

@testable import EPPTokens

@Suite struct TemplateTrustTests {
  private let secret = IdentitySecret()

  private func kind(_ model: String, settings: String = "{}", hasOthers: Bool = false) throws -> TemplateTrust.Kind {
    let bytes = Array(settings.utf8)
    let outline = try #require(
      unsafe PromptOutline(
        api: .completions, body: bytes.span.bytes, secret: secret))
    return TemplateTrust.Kind(model: model, settings: outline.settings, hasOthers: hasOthers)
  }

  @Test func itIsEarnedByAgreementPerKind() throws {
    let trust = TemplateTrust()
    let kinds = try [
      kind("a"), kind("b"), kind("a", settings: #"{"tools": []}"#), kind("a", hasOthers: true),
    ]
    for _ in 0..<TemplateTrust.trials {
      #expect(trust.verdict(kinds[0]) == .onTrial)
      #expect(!trust.note(agrees: true, kinds[0]))
    }
    for use in 1...(2 * TemplateTrust.sampling) {
      #expect(trust.verdict(kinds[0]) == .trusted(isSampled: use.isMultiple(of: TemplateTrust.sampling)))
    }
    for other in kinds[1...] { #expect(trust.verdict(other) == .onTrial) }
  }

  @Test func oneThatDoesNotAgreeRefutesTheModel() throws {
    let trust = TemplateTrust()
    let (kind, other, tools) = try (kind("a"), kind("b"), kind("a", settings: #"{"tools": []}"#))
    for kind in [kind, other, tools] { for _ in 0..<TemplateTrust.trials { _ = trust.note(agrees: true, kind) } }
    #expect(trust.note(agrees: false, tools))
    #expect(!trust.note(agrees: false, kind), "it is said once")
    #expect(trust.verdict(kind) == .refuted && trust.verdict(tools) == .refuted)
    #expect(trust.verdict(other) == .trusted(isSampled: false))
    // A wrong prediction does not make right what was seen to be wrong.
    trust.distrust()
    #expect(trust.verdict(kind) == .refuted)
    #expect(trust.verdict(other) == .onTrial)
  }

  @Test func namesThatAnybodySendsDoNotFillIt() throws {
    let trust = TemplateTrust()
    for number in 0..<(2 * TemplateTrust.capacity) { _ = trust.note(agrees: true, try kind("\(number)")) }
    #expect(trust.count <= TemplateTrust.capacity)
    for number in 0..<(2 * TemplateTrust.capacity) { _ = trust.note(agrees: false, try kind("\(number)")) }
    // Whoever is new now is rendered whole.
    #expect(trust.verdict(try kind("new")) == .refuted)
  }
}
