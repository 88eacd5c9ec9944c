package import EPPCore

/// An expression over the token counts of an answer, in a subset of CEL, the Common Expression Language.
///
/// Numbers, `true` and `false`, the fields of `usage` (`prompt_tokens`, `completion_tokens`, `total_tokens`,
/// `prompt_tokens_details.cached_tokens`), `has(usage.FIELD)`, `int(...)`, `double(...)`, parentheses, and the operators
/// `! - * / % + - < <= > >= == != && || ?:` with CEL's precedence. All numbers are floating-point numbers.
package struct UsageExpression: Sendable, Equatable {
  /// Why a text is no expression.
  package struct SyntaxError: Error, Equatable {
    /// What is wrong, in a few words.
    package let message: String
    /// The offset of the place in characters.
    package let offset: Int
  }

  /// What an expression gives.
  package enum Value: Equatable, Sendable {
    case number(Double)
    case boolean(Bool)
  }

  /// A count of `usage`.
  enum Field: String, CaseIterable, Sendable {
    case promptTokens = "prompt_tokens"
    case completionTokens = "completion_tokens"
    case totalTokens = "total_tokens"
    case cachedTokens = "prompt_tokens_details.cached_tokens"
    /// llm-d's own spelling.
    case olderCachedTokens = "prompt_token_details.cached_tokens"
  }

  indirect enum Node: Sendable, Equatable {
    case constant(Value)
    case field(Field)
    case has(Field)
    case not(Node)
    case negative(Node)
    case whole(Node)
    case operation(Operator, Node, Node)
    case choice(Node, Node, Node)
  }

  /// An operator of two operands. The raw value is its text.
  enum Operator: String, CaseIterable, Sendable {
    case or = "||"
    case and = "&&"
    case equal = "=="
    case unequal = "!="
    case atMost = "<="
    case atLeast = ">="
    case less = "<"
    case greater = ">"
    case plus = "+"
    case minus = "-"
    case times = "*"
    case divided = "/"
    case remainder = "%"

    /// The greater, the closer it binds.
    var precedence: Int {
      switch self {
      case .or: 1
      case .and: 2
      case .equal, .unequal, .atMost, .atLeast, .less, .greater: 3
      case .plus, .minus: 4
      case .times, .divided, .remainder: 5
      }
    }
  }

  private let root: Node

  /// Reads an expression.
  package init(_ text: String) throws(SyntaxError) {
    var parser = UsageExpressionParser(text)
    root = try parser.expression()
  }

  /// The value for an answer; nil where a count that it needs is missing, where types do not fit, and at a division by 0.
  package func value(_ usage: TokenUsage) -> Value? { Self.value(root, usage) }

  private static func value(_ node: Node, _ usage: TokenUsage) -> Value? {
    switch node {
    case .constant(let value): value
    case .field(let field): count(field, usage).map { .number(Double($0)) }
    case .has(let field): .boolean(count(field, usage) != nil)
    case .not(let operand): boolean(operand, usage).map { .boolean(!$0) }
    case .negative(let operand): number(operand, usage).map { .number(-$0) }
    case .whole(let operand): number(operand, usage).map { .number($0.rounded(.towardZero)) }
    case .operation(let operation, let left, let right): value(operation, left, right, usage)
    case .choice(let condition, let first, let second):
      boolean(condition, usage).flatMap { value($0 ? first : second, usage) }
    }
  }

  private static func value(_ operation: Operator, _ left: Node, _ right: Node, _ usage: TokenUsage) -> Value? {
    switch operation {
    // The operand that decides is enough, whichever side it is on.
    case .or, .and:
      let decides = operation == .or
      let (first, second) = (boolean(left, usage), boolean(right, usage))
      if first == decides || second == decides { return .boolean(decides) }
      return first != nil && second != nil ? .boolean(!decides) : nil
    case .equal, .unequal:
      guard let first = value(left, usage), let second = value(right, usage) else { return nil }
      return .boolean((first == second) == (operation == .equal))
    default: break
    }
    guard let first = number(left, usage), let second = number(right, usage) else { return nil }
    switch operation {
    case .atMost: return .boolean(first <= second)
    case .atLeast: return .boolean(first >= second)
    case .less: return .boolean(first < second)
    case .greater: return .boolean(first > second)
    case .plus: return .number(first + second)
    case .minus: return .number(first - second)
    case .times: return .number(first * second)
    case .divided: return second == 0 ? nil : .number(first / second)
    case .remainder: return second == 0 ? nil : .number(first.truncatingRemainder(dividingBy: second))
    case .or, .and, .equal, .unequal: return nil
    }
  }

  private static func number(_ node: Node, _ usage: TokenUsage) -> Double? {
    if case .number(let number)? = value(node, usage) { number } else { nil }
  }

  private static func boolean(_ node: Node, _ usage: TokenUsage) -> Bool? {
    if case .boolean(let value)? = value(node, usage) { value } else { nil }
  }

  private static func count(_ field: Field, _ usage: TokenUsage) -> Int? {
    switch field {
    case .promptTokens: usage.promptTokens
    case .completionTokens: usage.completionTokens
    case .cachedTokens, .olderCachedTokens: usage.cachedTokens
    case .totalTokens:
      usage.promptTokens == nil && usage.completionTokens == nil
        ? nil : (usage.promptTokens ?? 0) + (usage.completionTokens ?? 0)
    }
  }
}
