extension StringProtocol {
  /// The text without white space at its ends.
  package var trimmed: SubSequence {
    var rest = self[...]
    while rest.first?.isWhitespace ?? false { rest.removeFirst() }
    while rest.last?.isWhitespace ?? false { rest.removeLast() }
    return rest
  }
}
