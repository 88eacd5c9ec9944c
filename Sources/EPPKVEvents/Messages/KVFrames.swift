/// Decodes the frames of a publisher's messages.
enum KVFrames {
  /// The number -1, which marks the end of a replay. Message numbers are less.
  static let endMarker = UInt64.max

  /// The message number in a frame: 8 bytes, big-endian. Nil for a frame of another length.
  static func number(_ frame: RawSpan) -> UInt64? {
    guard frame.byteCount == 8 else { return nil }
    return UInt64(bigEndian: unsafe frame.unsafeLoadUnaligned(as: UInt64.self))
  }

  /// The frame for a message number.
  static func bytes(of number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) } }

  /// The first 512 bytes of a topic; addresses and model names are shorter.
  static func topic(_ frame: RawSpan) -> [UInt8] {
    (0..<min(512, frame.byteCount)).map { unsafe frame.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
  }

  /// Whether a frame equals this topic.
  static func isTopic(_ topic: [UInt8], _ frame: RawSpan) -> Bool {
    guard topic.count == frame.byteCount else { return false }
    for (offset, byte) in topic.enumerated()
    where unsafe frame.unsafeLoad(fromByteOffset: offset, as: UInt8.self) != byte {
      return false
    }
    return true
  }

  /// The kind of an answer from a replay socket.
  enum Replayed: Equatable {
    /// A message's number, and the index of the frame with its payload.
    case message(UInt64, payload: Int)
    /// The replay is complete.
    case end
    case unreadable
  }

  /// Finds the number in an answer's frames: `[empty][topic][number][payload]` (vLLM from 0.28), or `[empty][number][payload]`
  /// (earlier ones, SGLang).
  ///
  /// - Parameters:
  ///   - count: the number of frames.
  ///   - number: reads the frame at an index as a number.
  static func replayed(count: Int, number: (Int) -> UInt64?) -> Replayed {
    guard count == 3 || count == 4, let value = number(count - 2) else { return .unreadable }
    return value == endMarker ? .end : .message(value, payload: count - 1)
  }
}
