import EPPRequests

/// Reads the token ids from an engine's answer: an object `{"token_ids": [...], ...}`, a list of one such object (render of a
/// completion), or an object `{"tokens": [...], ...}` (tokenize).
enum TokenIDReader {
  /// Why an answer has no usable token ids.
  enum Failure: Error, Equatable {
    /// The answer is no JSON, or has no valid token ids.
    case unreadable
    /// The answer is a list of several prompts.
    case several
  }

  /// Reads the ids of an answer.
  ///
  /// - Parameter maximum: Ids at most; an answer with more is unreadable.
  static func read(_ answer: RawSpan, atMost maximum: Int) throws(Failure) -> [UInt32] {
    do {
      var cursor = JSONCursor(answer)
      if try cursor.peek(answer) == .array {
        try cursor.open(answer, .array)
        var isFirst = true
        guard try cursor.nextElement(answer, isFirst: &isFirst), let ids = try object(&cursor, answer, maximum) else {
          throw Failure.unreadable
        }
        // The request was taken for one prompt; the engine reads several from it.
        guard try !cursor.nextElement(answer, isFirst: &isFirst) else { throw Failure.several }
        return ids
      }
      guard let ids = try object(&cursor, answer, maximum) else { throw Failure.unreadable }
      return ids
    } catch let failure as Failure {
      throw failure
    } catch {
      throw .unreadable
    }
  }

  private static func object(
    _ cursor: inout JSONCursor, _ answer: RawSpan, _ maximum: Int
  ) throws(JSONError) -> [UInt32]? {
    guard try cursor.peek(answer) == .object else { return nil }
    try cursor.open(answer, .object)
    var isFirst = true
    var found: [UInt32]?
    while let key = try cursor.nextMember(answer, isFirst: &isFirst) {
      guard found == nil, key.equals("token_ids", in: answer) || key.equals("tokens", in: answer),
        try cursor.peek(answer) == .array
      else {
        _ = try cursor.skipValue(answer)
        continue
      }
      guard let ids = try ids(&cursor, answer, maximum) else { return nil }
      found = ids
    }
    return found
  }

  private static func ids(
    _ cursor: inout JSONCursor, _ answer: RawSpan, _ maximum: Int
  ) throws(JSONError) -> [UInt32]? {
    var ids: [UInt32] = []
    try cursor.open(answer, .array)
    var isFirst = true
    while try cursor.nextElement(answer, isFirst: &isFirst) {
      guard try cursor.peek(answer) == .number, let value = try cursor.readNumber(answer).integer,
        let id = UInt32(exactly: value), ids.count < maximum
      else { return nil }
      ids.append(id)
    }
    return ids
  }
}
