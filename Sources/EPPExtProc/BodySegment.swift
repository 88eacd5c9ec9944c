/// A run of bytes of a body, by the place that holds them.
package enum BodySegment: Sendable, Equatable {
  /// A range of the transport's current message.
  case message(Range<Int>)
  /// A range of the request's body, which the transport keeps.
  case requestBody(Range<Int>)
  /// New bytes.
  case bytes([UInt8])

  /// Number of bytes.
  package var count: Int {
    switch self {
    case .message(let range), .requestBody(let range): range.count
    case .bytes(let bytes): bytes.count
    }
  }

  /// Returns a part of the segment, by offsets from its beginning.
  func part(_ part: Range<Int>) -> BodySegment {
    switch self {
    case .message(let range): .message(range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound)
    case .requestBody(let range): .requestBody(range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound)
    case .bytes(let bytes): .bytes(Array(bytes[part]))
    }
  }
}

extension [BodySegment] {
  /// Number of bytes of all segments.
  var byteCount: Int { reduce(0) { $0 + $1.count } }

  /// Divides the bytes into runs of at most `maximumBytes`; returns one empty run when there are no bytes.
  func cut(every maximumBytes: Int) -> [[BodySegment]] {
    var runs: [[BodySegment]] = []
    var run: [BodySegment] = []
    var room = maximumBytes
    for segment in self {
      var start = 0
      while start < segment.count {
        if room == 0 {
          runs.append(run)
          run = []
          room = maximumBytes
        }
        let end = Swift.min(segment.count, start + room)
        run.append(segment.part(start..<end))
        room -= end - start
        start = end
      }
    }
    runs.append(run)
    return runs
  }
}
