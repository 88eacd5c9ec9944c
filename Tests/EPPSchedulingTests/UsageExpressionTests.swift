import EPPCore
import EPPTestKit
import Testing

@testable import EPPScheduling

/// Expressions over token counts.
@Suite struct UsageExpressionTests {
  private let usage = TokenUsage(promptTokens: 100, completionTokens: 20, cachedTokens: 64)

  @Test(
    arguments: [
      ("usage.prompt_tokens", 100), ("usage.prompt_tokens + 2 * usage.completion_tokens", 140),
      ("(usage.prompt_tokens + 2) * usage.completion_tokens", 2040), ("usage.total_tokens", 120),
      ("usage.prompt_tokens - usage.prompt_tokens_details.cached_tokens", 36), ("10 - 4 - 3", 3), ("2 * 3 % 4", 2),
      ("-usage.completion_tokens+1.5e1", -5), ("int(7 / 2)", 3), ("double(3)", 3),
      ("usage.prompt_tokens > 50 ? 1 : 0", 1), ("has(usage.completion_tokens) ? usage.completion_tokens : 7", 20),
      ("false ? 1 : true ? 2 : 3", 2),
    ])
  func numbersAreComputed(text: String, value: Double) throws {
    #expect(try UsageExpression(text).value(usage) == .number(value))
  }

  @Test(
    arguments: [
      ("usage.prompt_tokens >= 100 && usage.completion_tokens < 21", true), ("!(1 == 1) || 2 != 3", true),
      ("1 <= 0", false), ("has(usage.prompt_tokens)", true), ("true == (1 > 0)", true),
    ])
  func conditionsAreDecided(text: String, value: Bool) throws {
    #expect(try UsageExpression(text).value(usage) == .boolean(value))
  }

  @Test(arguments: [
    "usage.completion_tokens", "1 / 0", "1 % 0", "1 + true", "!1", "1 ? 2 : 3", "true && usage.completion_tokens > 1",
  ])
  func whatCannotBeComputedHasNoValue(text: String) throws {
    #expect(try UsageExpression(text).value(TokenUsage(promptTokens: 1)) == nil)
  }

  @Test func theOperandThatDecidesIsEnough() throws {
    let usage = TokenUsage(promptTokens: 1)
    #expect(try UsageExpression("usage.completion_tokens > 1 || true").value(usage) == .boolean(true))
    #expect(try UsageExpression("false && usage.completion_tokens > 1").value(usage) == .boolean(false))
  }

  @Test(
    arguments: [
      ("", "something is missing", 0), ("1 +", "something is missing", 3), ("(1", "')' is missing", 2),
      ("1 2", "'2' is not expected", 2),
      ("usage.promt_tokens", "unknown name 'usage.promt_tokens'; did you mean 'usage.prompt_tokens'?", 0),
      ("has(1)", "unknown name '1'", 4), ("1 ? 2", "':' is missing", 5), ("1..2", "'1..2' is no number", 0),
      ("#", "'#' is not expected", 0),
    ])
  func mistakesAreNamedWithTheirPlace(text: String, message: String, offset: Int) {
    do {
      _ = try UsageExpression(text)
      Issue.record("'\(text)' was taken")
    } catch {
      #expect(error.message == message && error.offset == offset)
    }
  }

  @Test(arguments: ["(", "!", "-", "1?"]) func deepNestingIsRefused(text: String) {
    #expect(throws: UsageExpression.SyntaxError.self) { try UsageExpression(String(repeating: text, count: 900)) }
  }

  @Test func anyTextIsReadWithoutHarm() {
    var generator = SeededGenerator(seed: 3)
    let pieces = [
      "usage.prompt_tokens", "has(", "(", ")", "+", "-", "*", "/", "?", ":", "1", ".5", "&&", "||", "!", "<=", " ", "é",
      "u",
    ]
    for _ in 0..<20_000 {
      let text = (0..<Int.random(in: 0..<12, using: &generator)).map { _ in
        pieces.randomElement(using: &generator) ?? ""
      }
      _ = (try? UsageExpression(text.joined()))?.value(usage)
    }
  }
}
