import EPPCore
import Testing

@testable import EPPTokens

@Suite struct TemplateTrustTests {
  private let secret = IdentitySecret()
  private let now = MonotonicTime(nanoseconds: 1_000_000_000)

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
      #expect(trust.verdict(kinds[0], now: now) == .onTrial)
      #expect(!trust.note(agrees: true, kinds[0], now: now))
    }
    for use in 1...(2 * TemplateTrust.sampling) {
      #expect(trust.verdict(kinds[0], now: now) == .trusted(isSampled: use.isMultiple(of: TemplateTrust.sampling)))
    }
    for other in kinds[1...] { #expect(trust.verdict(other, now: now) == .onTrial) }
  }

  @Test func oneThatDoesNotAgreeTwiceRefutesTheModel() throws {
    let trust = TemplateTrust()
    let (kind, other, tools) = try (kind("a"), kind("b"), kind("a", settings: #"{"tools": []}"#))
    for kind in [kind, other, tools] {
      for _ in 0..<TemplateTrust.trials { _ = trust.note(agrees: true, kind, now: now) }
    }
    #expect(!trust.note(agrees: false, tools, now: now), "the template may have changed meanwhile")
    #expect(trust.verdict(tools, now: now) == .onTrial)
    #expect(trust.note(agrees: false, tools, now: now))
    #expect(!trust.note(agrees: false, kind, now: now), "it is said once")
    #expect(trust.verdict(kind, now: now) == .refuted && trust.verdict(tools, now: now) == .refuted)
    #expect(trust.verdict(other, now: now) == .trusted(isSampled: false))
    // A wrong prediction does not make right what was seen to be wrong.
    trust.distrust(now: now)
    #expect(trust.verdict(kind, now: now) == .refuted)
    #expect(trust.verdict(other, now: now) == .onTrial)
    // Engines may have another template later.
    #expect(trust.verdict(kind, now: now.advanced(by: TemplateTrust.refutation)) == .onTrial)
  }

  @Test func aLookAtTheTemplateHoldsForAWhile() throws {
    let trust = TemplateTrust()
    let (kind, other) = try (kind("a"), kind("b"))
    trust.confirm(kind, now: now)
    #expect(!trust.isConfirmed(kind, now: now) && trust.count == 0, "nothing is known of it")
    for kind in [kind, other] { _ = trust.note(agrees: true, kind, now: now) }
    trust.confirm(kind, now: now)
    #expect(trust.isConfirmed(kind, now: now) && !trust.isConfirmed(other, now: now))
    #expect(!trust.isConfirmed(kind, now: now.advanced(by: TemplateTrust.confirmation)))
    trust.forget(kind, now: now)
    #expect(!trust.isConfirmed(kind, now: now))
  }

  @Test func whatWasRenderedBeforeAChangeIsNotGoneOnFrom() throws {
    let trust = TemplateTrust()
    let kind = try kind("a")
    let before = PromptTokens([1], renderedAt: now)
    #expect(trust.isCurrent(before, kind))
    let later = now.advanced(by: .seconds(1))
    trust.forget(kind, now: later)
    #expect(!trust.isCurrent(before, kind))
    #expect(trust.isCurrent(PromptTokens([1], renderedAt: later), kind))
    trust.distrust(now: later.advanced(by: .seconds(1)))
    #expect(!trust.isCurrent(PromptTokens([1], renderedAt: later), kind))
  }

  @Test func namesThatAnybodySendsDoNotFillIt() throws {
    let trust = TemplateTrust()
    for number in 0..<(2 * TemplateTrust.capacity) { _ = trust.note(agrees: true, try kind("\(number)"), now: now) }
    #expect(trust.count <= TemplateTrust.capacity)
    for number in 0..<(2 * TemplateTrust.capacity) {
      for _ in 0..<TemplateTrust.failures { _ = trust.note(agrees: false, try kind("\(number)"), now: now) }
    }
    // Whoever is new now is rendered whole, for a while.
    #expect(trust.verdict(try kind("new"), now: now) == .refuted)
    #expect(trust.verdict(try kind("new"), now: now.advanced(by: TemplateTrust.refutation)) == .onTrial)
  }
}
