/// Divides text into pieces that are tokenized independently, by the rules of Qwen's and OpenAI's newer tokenizers. A piece is
/// the longest match of the first of these rules that matches:
///
/// 1. an apostrophe with an English ending: `'s`, `'t`, `'m`, `'d`, `'re`, `'ve`, `'ll`;
/// 2. letters, with one character of kind `other` or white space before them;
/// 3. one digit;
/// 4. characters of kind `other`, with one space before them and line ends after them;
/// 5. white space up to its last line end;
/// 6. white space, without its last character where another character follows.
struct PieceScanner: Sendable {
  /// The UTF-8 text.
  let text: [UInt8]
  /// The offset at which the text ends for the rules.
  let limit: Int

  /// Returns the end of the piece that begins at `start`, which is below `limit`.
  @inline(__always)
  func end(of start: Int) -> Int {
    let first = CharacterKind.read(text, at: start, limit: limit)
    let next = start + first.count
    switch first.kind {
    case .letter: return letters(from: next)
    case .number, .end: return next
    case .newline: return whiteSpace(from: start)
    case .space:
      switch CharacterKind.read(text, at: next, limit: limit).kind {
      case .letter: return letters(from: next)
      case .other where text[start] == UInt8(ascii: " "): return signs(from: next)
      case .number: return next
      default: return whiteSpace(from: start)
      }
    case .other:
      if text[start] == UInt8(ascii: "'"), let end = endOfContraction(next) { return end }
      if case .letter = CharacterKind.read(text, at: next, limit: limit).kind { return letters(from: next) }
      return signs(from: next)
    }
  }

  private func letters(from start: Int) -> Int {
    var end = start
    while true {
      let character = CharacterKind.read(text, at: end, limit: limit)
      guard case .letter = character.kind else { return end }
      end += character.count
    }
  }

  private func signs(from start: Int) -> Int {
    var end = start
    while true {
      let character = CharacterKind.read(text, at: end, limit: limit)
      guard case .other = character.kind else { break }
      end += character.count
    }
    while end < limit, text[end] == 0x0A || text[end] == 0x0D { end += 1 }
    return end
  }

  private func whiteSpace(from start: Int) -> Int {
    var end = start
    var lastCharacter = start
    var endOfLine: Int?
    while true {
      let character = CharacterKind.read(text, at: end, limit: limit)
      switch character.kind {
      case .newline: endOfLine = end + character.count
      case .space: break
      case .end: return endOfLine ?? end
      default:
        if let endOfLine { return endOfLine }
        // The last one belongs to the word that follows, unless it is the only one.
        return lastCharacter > start ? lastCharacter : end
      }
      lastCharacter = end
      end += character.count
    }
  }

  private func endOfContraction(_ start: Int) -> Int? {
    guard start < limit else { return nil }
    // Upper and lower case of a letter differ in this bit.
    let first = text[start] | 0x20
    switch first {
    case UInt8(ascii: "s"), UInt8(ascii: "t"), UInt8(ascii: "m"), UInt8(ascii: "d"): return start + 1
    case UInt8(ascii: "r"), UInt8(ascii: "v"), UInt8(ascii: "l"):
      guard start + 1 < limit else { return nil }
      let second = text[start + 1] | 0x20
      return second == (first == UInt8(ascii: "l") ? first : UInt8(ascii: "e")) ? start + 2 : nil
    default: return nil
    }
  }
}
