import EPPCore

/// Reads a `UsageExpression` by recursive descent.
struct UsageExpressionParser {
  /// Parentheses and other nesting at most: the stack of a thread is small.
  private static let maximumDepth = 50
  /// Characters of an expression at most.
  private static let maximumLength = 1000

  private let text: [Character]
  private var offset = 0
  private var depth = 0

  init(_ text: String) { self.text = Array(text) }

  /// Reads the whole text.
  mutating func expression() throws(UsageExpression.SyntaxError) -> UsageExpression.Node {
    guard text.count <= Self.maximumLength else { throw error("it has more than \(Self.maximumLength) characters") }
    let node = try choice()
    skipBlanks()
    guard offset == text.count else { throw error("'\(rest)' is not expected") }
    return node
  }

  private mutating func choice() throws(UsageExpression.SyntaxError) -> UsageExpression.Node {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else { throw error("it is nested more than \(Self.maximumDepth) times") }
    let condition = try operations(1)
    guard take("?") else { return condition }
    let first = try choice()
    guard take(":") else { throw error("':' is missing") }
    return .choice(condition, first, try choice())
  }

  /// Reads operands with operators that bind at least this closely.
  private mutating func operations(
    _ precedence: Int
  ) throws(UsageExpression.SyntaxError) -> UsageExpression.Node {
    var left = try operand()
    while let found = nextOperator(), found.precedence >= precedence {
      offset += found.rawValue.count
      left = .operation(found, left, try operations(found.precedence + 1))
    }
    return left
  }

  private mutating func operand() throws(UsageExpression.SyntaxError) -> UsageExpression.Node {
    depth += 1
    defer { depth -= 1 }
    guard depth <= Self.maximumDepth else { throw error("it is nested more than \(Self.maximumDepth) times") }
    if take("!") { return .not(try operand()) }
    if take("-") { return .negative(try operand()) }
    if take("(") { return try closed() }
    skipBlanks()
    let start = offset
    if offset < text.count, text[offset].isASCII, text[offset].isNumber || text[offset] == "." { return try number() }
    let word = word()
    switch word {
    case "true", "false": return .constant(.boolean(word == "true"))
    case "has":
      guard take("(") else { throw error("'(' is missing") }
      skipBlanks()
      let place = offset
      let field = try field(self.word(), at: place)
      guard take(")") else { throw error("')' is missing") }
      return .has(field)
    case "int", "double":
      guard take("(") else { throw error("'(' is missing") }
      let inner = try closed()
      return word == "int" ? .whole(inner) : inner
    default: return .field(try field(word, at: start))
    }
  }

  private mutating func closed() throws(UsageExpression.SyntaxError) -> UsageExpression.Node {
    let inner = try choice()
    guard take(")") else { throw error("')' is missing") }
    return inner
  }

  private mutating func number() throws(UsageExpression.SyntaxError) -> UsageExpression.Node {
    let start = offset
    while offset < text.count {
      let isSign = "+-".contains(text[offset]) && offset > start && "eE".contains(text[offset - 1])
      guard isSign || text[offset].isASCII && (text[offset].isNumber || ".eE".contains(text[offset])) else { break }
      offset += 1
    }
    guard let value = Double(String(text[start..<offset])) else {
      throw UsageExpression.SyntaxError(message: "'\(String(text[start..<offset]))' is no number", offset: start)
    }
    // CEL marks unsigned numbers.
    _ = take("u")
    return .constant(.number(value))
  }

  private func field(
    _ word: String, at start: Int
  ) throws(UsageExpression.SyntaxError) -> UsageExpression.Field {
    let prefix = "usage."
    guard word.hasPrefix(prefix), let field = UsageExpression.Field(rawValue: String(word.dropFirst(prefix.count)))
    else {
      let known = UsageExpression.Field.allCases.map { prefix + $0.rawValue }
      let what =
        word.isEmpty ? (rest.isEmpty ? "something is missing" : "'\(rest)' is not expected") : "unknown name '\(word)'"
      let more = word.isEmpty ? "" : NearestWord.suggestion(known, for: word)
      throw UsageExpression.SyntaxError(message: what + more, offset: start)
    }
    return field
  }

  // MARK: - Characters

  private var rest: String { String(text[min(offset, text.count)...].prefix(20)) }

  private func error(_ message: String) -> UsageExpression.SyntaxError {
    UsageExpression.SyntaxError(message: message, offset: offset)
  }

  private mutating func skipBlanks() {
    while offset < text.count, text[offset].isWhitespace { offset += 1 }
  }

  /// Takes a character, behind blanks, if it is the next one.
  private mutating func take(_ character: Character) -> Bool {
    skipBlanks()
    guard offset < text.count, text[offset] == character else { return false }
    offset += 1
    return true
  }

  /// Takes a name with its dots; empty where there is none.
  private mutating func word() -> String {
    skipBlanks()
    let start = offset
    while offset < text.count, text[offset].isLetter || text[offset].isNumber || "_.".contains(text[offset]) {
      offset += 1
    }
    return String(text[start..<offset])
  }

  /// The operator that comes next, behind blanks; nil where there is none.
  private mutating func nextOperator() -> UsageExpression.Operator? {
    skipBlanks()
    // Two characters come before one in the list.
    return UsageExpression.Operator.allCases.first { text[offset...].starts(with: $0.rawValue) }
  }
}
