import EPPCore
import Testing

@testable import EPPTokens

@Suite struct TemplateValidationTests {
  private let secret = IdentitySecret()
  private let now = MonotonicTime(nanoseconds: 1_000_000_000)

  private func kind(_ model: String, settings: String = "{}", hasOthers: Bool = false) throws -> TemplateValidation.Kind
  {
    let bytes = Array(settings.utf8)
    let outline = try #require(
      unsafe PromptOutline(
        api: .completions, body: bytes.span.bytes, secret: secret))
    return TemplateValidation.Kind(model: model, settings: outline.settings, hasOthers: hasOthers)
  }

  /// Lets comparisons come out that began now.
  @discardableResult
  private func note(
    _ validation: TemplateValidation, agrees: Bool, _ kind: TemplateValidation.Kind, times: Int = 1
  ) -> TemplateValidation.Refutation? {
    var last: TemplateValidation.Refutation?
    for _ in 0..<times { last = validation.note(agrees: agrees, kind, from: now, now: now) }
    return last
  }

  @Test func itIsEarnedByAgreementPerKind() throws {
    let validation = TemplateValidation()
    let kinds = try [
      kind("a"), kind("b"), kind("a", settings: #"{"tools": []}"#), kind("a", hasOthers: true),
    ]
    for _ in 0..<TemplateValidation.trials {
      #expect(validation.verdict(kinds[0], now: now) == .onTrial)
      #expect(note(validation, agrees: true, kinds[0]) == nil)
    }
    for use in 1...(2 * TemplateValidation.sampling) {
      #expect(
        validation.verdict(kinds[0], now: now) == .trusted(isSampled: use.isMultiple(of: TemplateValidation.sampling)))
    }
    for other in kinds[1...] { #expect(validation.verdict(other, now: now) == .onTrial) }
  }

  @Test func oneThatDoesNotAgreeTwiceRefutesItsKind() throws {
    let validation = TemplateValidation()
    let (kind, tools) = try (kind("a"), kind("a", settings: #"{"tools": []}"#))
    for kind in [kind, tools] { note(validation, agrees: true, kind, times: TemplateValidation.trials) }
    #expect(note(validation, agrees: false, tools) == nil, "the template may have changed meanwhile")
    #expect(validation.verdict(tools, now: now) == .onTrial)
    #expect(note(validation, agrees: false, tools) == .kind)
    #expect(note(validation, agrees: false, tools) == nil, "it is said once")
    #expect(validation.verdict(tools, now: now) == .refuted)
    #expect(validation.verdict(kind, now: now) == .trusted(isSampled: false))
    // A wrong prediction does not make right what was seen to be wrong.
    validation.invalidate(now: now)
    #expect(validation.verdict(tools, now: now) == .refuted)
    #expect(validation.verdict(kind, now: now) == .onTrial)
    // Engines may have another template later.
    #expect(validation.verdict(tools, now: now.advanced(by: TemplateValidation.refutation)) == .onTrial)
  }

  @Test func kindsOfOneClientDoNotRefuteAModelThatServesOthers() throws {
    let validation = TemplateValidation()
    let kind = try kind("a")
    note(validation, agrees: true, kind, times: TemplateValidation.trials)
    for number in 0..<20 {
      let own = try self.kind("a", settings: "{\"seed_of_mine\": \(number)}")
      #expect(note(validation, agrees: false, own, times: TemplateValidation.failures) == .kind)
    }
    #expect(validation.verdict(kind, now: now) == .trusted(isSampled: false))
    #expect(try validation.verdict(self.kind("a", hasOthers: true), now: now) == .onTrial)
  }

  @Test func severalKindsRefuteAModelOfWhichNoneIsReliedOn() throws {
    let validation = TemplateValidation()
    let other = try kind("b")
    note(validation, agrees: true, other, times: TemplateValidation.trials)
    for number in 1...TemplateValidation.refutedKinds {
      let kind = try kind("a", settings: "{\"tools\": [\(number)]}")
      #expect(validation.verdict(kind, now: now) == .onTrial)
      let refutation = note(validation, agrees: false, kind, times: TemplateValidation.failures)
      #expect(refutation == (number < TemplateValidation.refutedKinds ? .kind : .model))
    }
    let new = try kind("a")
    #expect(validation.verdict(new, now: now) == .refuted)
    #expect(validation.verdict(other, now: now) == .trusted(isSampled: false))
    #expect(validation.verdict(new, now: now.advanced(by: TemplateValidation.refutation)) == .onTrial)
  }

  @Test func aComparisonFromBeforeAChangeSaysNothing() throws {
    let validation = TemplateValidation()
    let kind = try kind("a")
    note(validation, agrees: true, kind, times: TemplateValidation.trials)
    let later = now.advanced(by: .seconds(1))
    // The first one that fails finds the change, and the others had begun by then.
    for _ in 0..<10 { #expect(validation.note(agrees: false, kind, from: now, now: later) == nil) }
    for _ in 0..<TemplateValidation.trials {
      #expect(validation.note(agrees: true, kind, from: now, now: later) == nil)
    }
    #expect(validation.verdict(kind, now: later) == .onTrial, "nor by agreeing")
    #expect(validation.note(agrees: false, kind, from: later, now: later) == .kind)
  }

  @Test func aTemplateIsNotLookedAtAgainForAWhile() throws {
    let validation = TemplateValidation()
    let (kind, other) = try (kind("a"), kind("b"))
    #expect(!validation.mayLook(kind, now: now) && validation.count.kinds == 0, "nothing is known of it")
    for kind in [kind, other] { note(validation, agrees: true, kind) }
    #expect(validation.mayLook(kind, now: now))
    #expect(!validation.mayLook(kind, now: now) && validation.mayLook(other, now: now))
    let later = now.advanced(by: TemplateValidation.pauseOfLooks)
    #expect(validation.mayLook(kind, now: later) && !validation.mayLook(kind, now: later))
    validation.forget(kind, changedBy: later)
    #expect(validation.mayLook(kind, now: later))
  }

  @Test func whatWasRenderedBeforeAChangeIsNotGoneOnFrom() throws {
    let validation = TemplateValidation()
    let kind = try kind("a")
    let before = PromptTokens([1], renderedAt: now)
    #expect(validation.isCurrent(before, kind))
    let later = now.advanced(by: .seconds(1))
    validation.forget(kind, changedBy: later)
    #expect(!validation.isCurrent(before, kind))
    #expect(validation.isCurrent(PromptTokens([1], renderedAt: later), kind))
    // Another one saw the same change, and had seen it earlier.
    validation.forget(kind, changedBy: now)
    #expect(!validation.isCurrent(before, kind))
    validation.invalidate(now: later.advanced(by: .seconds(1)))
    #expect(!validation.isCurrent(PromptTokens([1], renderedAt: later), kind))
  }

  @Test func namesThatAnybodySendsDoNotFillIt() throws {
    let validation = TemplateValidation()
    for number in 0..<(2 * TemplateValidation.capacity) { note(validation, agrees: true, try kind("\(number)")) }
    #expect(validation.count.kinds <= TemplateValidation.capacity)
    let settings = (0..<TemplateValidation.refutedKinds).map { "{\"tools\": [\($0)]}" }
    for number in 0..<(2 * TemplateValidation.capacity) {
      for settings in settings {
        note(validation, agrees: false, try kind("\(number)", settings: settings), times: TemplateValidation.failures)
      }
    }
    #expect(
      validation.count.kinds <= TemplateValidation.capacity && validation.count.models <= TemplateValidation.capacity)
    #expect(validation.verdict(try kind("new"), now: now) == .onTrial, "nobody else is refuted by it")
  }
}
