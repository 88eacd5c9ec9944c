/// Why bytes are not the MessagePack that was expected.
package struct MessagePackError: Error, Equatable, CustomStringConvertible {
  package enum Reason: Sendable {
    /// The bytes end inside of a value, or a length reaches behind them.
    case cut
    /// A value of another kind stands there.
    case unexpectedKind
    /// Too many arrays and maps inside each other.
    case tooDeep
    /// More values than may be kept.
    case tooMany
  }

  package let reason: Reason
  /// The byte at fault.
  package let offset: Int

  package init(reason: Reason, offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  package var description: String {
    switch reason {
    case .cut: "the bytes end inside of a value at \(offset)"
    case .unexpectedKind: "an unexpected kind of value at \(offset)"
    case .tooDeep: "values nest deeper than \(MessagePackCursor.maximumDepth) at \(offset)"
    case .tooMany: "more values than are taken, at \(offset)"
    }
  }
}
