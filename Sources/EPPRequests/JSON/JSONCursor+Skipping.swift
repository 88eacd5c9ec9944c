/// Values that nobody asked for.
extension JSONCursor {
  /// Moves over a value of any kind, checking it, and gives its range. Nesting is counted, not recursed into: a bit for
  /// each open bracket.
  @discardableResult
  package mutating func skipValue(_ bytes: RawSpan) throws(JSONError) -> Range<Int> {
    skipWhiteSpace(bytes)
    let start = offset
    let outside = depth
    var objects = NestingBits()
    var isFirst = true
    repeat {
      if depth > outside {
        let hasNext =
          objects[depth - 1]
          ? try nextMember(bytes, isFirst: &isFirst) != nil : try nextElement(bytes, isFirst: &isFirst)
        if !hasNext {
          isFirst = false
          continue
        }
      }
      let kind = try peek(bytes)
      switch kind {
      case .string: _ = try readString(bytes)
      case .number: _ = try readNumber(bytes)
      case .object, .array:
        try enter(bytes, kind)
        objects[depth - 1] = kind == .object
        isFirst = true
      case .boolean: _ = try readBoolean(bytes)
      case .null: try readNull(bytes)
      }
    } while depth > outside
    return start..<offset
  }

  /// One bit per open bracket: set for an object.
  private struct NestingBits {
    /// Of the first 64, and of the others.
    private var first: UInt64 = 0
    private var others: [UInt64] = []

    subscript(depth: Int) -> Bool {
      get { (depth < 64 ? first : others[depth / 64 - 1]) >> UInt64(depth % 64) & 1 == 1 }
      set {
        let (mask, bit) = (UInt64(1) << UInt64(depth % 64), UInt64(newValue ? 1 : 0) << UInt64(depth % 64))
        if depth < 64 {
          first = first & ~mask | bit
        } else {
          while others.count < depth / 64 { others.append(0) }
          others[depth / 64 - 1] = others[depth / 64 - 1] & ~mask | bit
        }
      }
    }
  }
}
