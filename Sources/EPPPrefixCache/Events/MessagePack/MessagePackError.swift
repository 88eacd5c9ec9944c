/// An error in a MessagePack message, with its position.
package struct MessagePackError: Error, Equatable, CustomStringConvertible {
  /// The kind of error.
  package enum Reason: Sendable {
    /// The bytes end inside of a value, or a length exceeds them.
    case cut
    /// A value has another kind than expected.
    case unexpectedKind
    /// Arrays and maps are nested too deeply.
    case tooDeep
    /// There are more values than are kept.
    case tooMany
  }

  /// The kind of error.
  package let reason: Reason
  /// The offset of the faulty byte.
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
