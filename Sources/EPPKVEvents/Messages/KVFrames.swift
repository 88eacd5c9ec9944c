/// Reads the frames of a publisher's messages.
enum KVFrames {
  /// Numbers from here on are no message's: -1 marks the end of a replay.
  static let endMarker = UInt64.max

  /// A message's number: 8 bytes, big-endian. Nil for a frame of another length.
  static func number(_ frame: RawSpan) -> UInt64? {
    guard frame.byteCount == 8 else { return nil }
    return UInt64(bigEndian: unsafe frame.unsafeLoadUnaligned(as: UInt64.self))
  }

  /// The same to be sent.
  static func bytes(of number: UInt64) -> [UInt8] { (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * $0)) } }

  /// The topic; a longer one than any address and model take is cut off.
  static func topic(_ frame: RawSpan) -> [UInt8] {
    (0..<min(512, frame.byteCount)).map { unsafe frame.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
  }

  /// Whether a frame is this topic.
  static func isTopic(_ topic: [UInt8], _ frame: RawSpan) -> Bool {
    guard topic.count == frame.byteCount else { return false }
    for (offset, byte) in topic.enumerated()
    where unsafe frame.unsafeLoad(fromByteOffset: offset, as: UInt8.self) != byte {
      return false
    }
    return true
  }

  /// What an answer of a replay socket is.
  enum Replayed: Equatable {
    /// A message, and which frame holds it.
    case message(UInt64, payload: Int)
    /// The replay is complete.
    case end
    case unreadable
  }

  /// Finds the number among an answer's frames: `[empty][topic][number][payload]` (vLLM from 0.28), or
  /// `[empty][number][payload]` (older ones, SGLang).
  ///
  /// - Parameters:
  ///   - count: frames of the answer.
  ///   - number: reads the frame at an index as a number.
  static func replayed(count: Int, number: (Int) -> UInt64?) -> Replayed {
    guard count == 3 || count == 4, let value = number(count - 2) else { return .unreadable }
    return value == endMarker ? .end : .message(value, payload: count - 1)
  }
}
