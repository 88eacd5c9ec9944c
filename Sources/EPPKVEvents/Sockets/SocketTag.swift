/// Identifies a socket in the poller: its stream, and its role.
struct SocketTag: Hashable {
  /// The role of a socket in its stream.
  enum Part: UInt64 {
    case events
    case connection
    case replay
  }

  var stream: UInt64
  var part: Part

  init(_ stream: UInt64, _ part: Part) {
    self.stream = stream
    self.part = part
  }

  /// Unpacks a tag; nil for a number that is no tag.
  init?(number: UInt64) {
    guard let part = Part(rawValue: number & 3) else { return nil }
    self.init(number >> 2, part)
  }

  /// The tag in one word.
  var number: UInt64 { stream << 2 | part.rawValue }
}
