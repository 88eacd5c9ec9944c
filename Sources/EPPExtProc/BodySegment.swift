/// Bytes of a body, by where they stand.
package enum BodySegment: Sendable, Equatable {
  /// In the message that the transport is at.
  case message(Range<Int>)
  /// In the request's body, which the transport keeps.
  case requestBody(Range<Int>)
  /// New ones.
  case bytes([UInt8])

  package var count: Int {
    switch self {
    case .message(let range), .requestBody(let range): range.count
    case .bytes(let bytes): bytes.count
    }
  }

  /// The part from one place to another, counted from the segment's own beginning.
  func part(_ part: Range<Int>) -> BodySegment {
    switch self {
    case .message(let range): .message(range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound)
    case .requestBody(let range): .requestBody(range.lowerBound + part.lowerBound..<range.lowerBound + part.upperBound)
    case .bytes(let bytes): .bytes(Array(bytes[part]))
    }
  }
}

extension [BodySegment] {
  /// Bytes of all.
  var byteCount: Int { reduce(0) { $0 + $1.count } }

  /// The same bytes in runs of so many at most; one run, an empty one, where there are none.
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
