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

  /// Lets comparisons come out that began now.
  @discardableResult
  private func note(
    _ trust: TemplateTrust, agrees: Bool, _ kind: TemplateTrust.Kind, times: Int = 1
  ) -> TemplateTrust.Refutation? {
    var last: TemplateTrust.Refutation?
    for _ in 0..<times { last = trust.note(agrees: agrees, kind, from: now, now: now) }
    return last
  }

  @Test func itIsEarnedByAgreementPerKind() throws {
    let trust = TemplateTrust()
    let kinds = try [
      kind("a"), kind("b"), kind("a", settings: #"{"tools": []}"#), kind("a", hasOthers: true),
    ]
    for _ in 0..<TemplateTrust.trials {
      #expect(trust.verdict(kinds[0], now: now) == .onTrial)
      #expect(note(trust, agrees: true, kinds[0]) == nil)
    }
    for use in 1...(2 * TemplateTrust.sampling) {
      #expect(trust.verdict(kinds[0], now: now) == .trusted(isSampled: use.isMultiple(of: TemplateTrust.sampling)))
    }
    for other in kinds[1...] { #expect(trust.verdict(other, now: now) == .onTrial) }
  }

  @Test func oneThatDoesNotAgreeTwiceRefutesItsKind() throws {
    let trust = TemplateTrust()
    let (kind, tools) = try (kind("a"), kind("a", settings: #"{"tools": []}"#))
    for kind in [kind, tools] { note(trust, agrees: true, kind, times: TemplateTrust.trials) }
    #expect(note(trust, agrees: false, tools) == nil, "the template may have changed meanwhile")
    #expect(trust.verdict(tools, now: now) == .onTrial)
    #expect(note(trust, agrees: false, tools) == .kind)
    #expect(note(trust, agrees: false, tools) == nil, "it is said once")
    #expect(trust.verdict(tools, now: now) == .refuted)
    #expect(trust.verdict(kind, now: now) == .trusted(isSampled: false))
    // A wrong prediction does not make right what was seen to be wrong.
    trust.distrust(now: now)
    #expect(trust.verdict(tools, now: now) == .refuted)
    #expect(trust.verdict(kind, now: now) == .onTrial)
    // Engines may have another template later.
    #expect(trust.verdict(tools, now: now.advanced(by: TemplateTrust.refutation)) == .onTrial)
  }

  @Test func kindsOfOneClientDoNotRefuteAModelThatServesOthers() throws {
    let trust = TemplateTrust()
    let kind = try kind("a")
    note(trust, agrees: true, kind, times: TemplateTrust.trials)
    for number in 0..<20 {
      let own = try self.kind("a", settings: "{\"seed_of_mine\": \(number)}")
      #expect(note(trust, agrees: false, own, times: TemplateTrust.failures) == .kind)
    }
    #expect(trust.verdict(kind, now: now) == .trusted(isSampled: false))
    #expect(try trust.verdict(self.kind("a", hasOthers: true), now: now) == .onTrial)
  }

  @Test func severalKindsRefuteAModelOfWhichNoneIsReliedOn() throws {
    let trust = TemplateTrust()
    let other = try kind("b")
    note(trust, agrees: true, other, times: TemplateTrust.trials)
    for number in 1...TemplateTrust.refutedKinds {
      let kind = try kind("a", settings: "{\"tools\": [\(number)]}")
      #expect(trust.verdict(kind, now: now) == .onTrial)
      let refutation = note(trust, agrees: false, kind, times: TemplateTrust.failures)
      #expect(refutation == (number < TemplateTrust.refutedKinds ? .kind : .model))
    }
    let new = try kind("a")
    #expect(trust.verdict(new, now: now) == .refuted)
    #expect(trust.verdict(other, now: now) == .trusted(isSampled: false))
    #expect(trust.verdict(new, now: now.advanced(by: TemplateTrust.refutation)) == .onTrial)
  }

  @Test func aComparisonFromBeforeAChangeSaysNothing() throws {
    let trust = TemplateTrust()
    let kind = try kind("a")
    note(trust, agrees: true, kind, times: TemplateTrust.trials)
    let later = now.advanced(by: .seconds(1))
    // The first one that fails finds the change, and the others had begun by then.
    for _ in 0..<10 { #expect(trust.note(agrees: false, kind, from: now, now: later) == nil) }
    for _ in 0..<TemplateTrust.trials { #expect(trust.note(agrees: true, kind, from: now, now: later) == nil) }
    #expect(trust.verdict(kind, now: later) == .onTrial, "nor by agreeing")
    #expect(trust.note(agrees: false, kind, from: later, now: later) == .kind)
  }

  @Test func aTemplateIsNotLookedAtAgainForAWhile() throws {
    let trust = TemplateTrust()
    let (kind, other) = try (kind("a"), kind("b"))
    #expect(!trust.mayLook(kind, now: now) && trust.count.kinds == 0, "nothing is known of it")
    for kind in [kind, other] { note(trust, agrees: true, kind) }
    #expect(trust.mayLook(kind, now: now))
    #expect(!trust.mayLook(kind, now: now) && trust.mayLook(other, now: now))
    let later = now.advanced(by: TemplateTrust.pauseOfLooks)
    #expect(trust.mayLook(kind, now: later) && !trust.mayLook(kind, now: later))
    trust.forget(kind, changedBy: later)
    #expect(trust.mayLook(kind, now: later))
  }

  @Test func whatWasRenderedBeforeAChangeIsNotGoneOnFrom() throws {
    let trust = TemplateTrust()
    let kind = try kind("a")
    let before = PromptTokens([1], renderedAt: now)
    #expect(trust.isCurrent(before, kind))
    let later = now.advanced(by: .seconds(1))
    trust.forget(kind, changedBy: later)
    #expect(!trust.isCurrent(before, kind))
    #expect(trust.isCurrent(PromptTokens([1], renderedAt: later), kind))
    // Another one saw the same change, and had seen it earlier.
    trust.forget(kind, changedBy: now)
    #expect(!trust.isCurrent(before, kind))
    trust.distrust(now: later.advanced(by: .seconds(1)))
    #expect(!trust.isCurrent(PromptTokens([1], renderedAt: later), kind))
  }

  @Test func namesThatAnybodySendsDoNotFillIt() throws {
    let trust = TemplateTrust()
    for number in 0..<(2 * TemplateTrust.capacity) { note(trust, agrees: true, try kind("\(number)")) }
    #expect(trust.count.kinds <= TemplateTrust.capacity)
    let settings = (0..<TemplateTrust.refutedKinds).map { "{\"tools\": [\($0)]}" }
    for number in 0..<(2 * TemplateTrust.capacity) {
      for settings in settings {
        note(trust, agrees: false, try kind("\(number)", settings: settings), times: TemplateTrust.failures)
      }
    }
    #expect(trust.count.kinds <= TemplateTrust.capacity && trust.count.models <= TemplateTrust.capacity)
    #expect(trust.verdict(try kind("new"), now: now) == .onTrial, "nobody else is refuted by it")
  }
}
