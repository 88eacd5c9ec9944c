/// What a socket is reported by: the stream, and which of its sockets.
struct SocketTag: Hashable {
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

  init?(number: UInt64) {
    guard let part = Part(rawValue: number & 3) else { return nil }
    self.init(number >> 2, part)
  }

  var number: UInt64 { stream << 2 | part.rawValue }
}
