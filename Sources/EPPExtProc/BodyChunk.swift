import EPPRequests

/// A chunk of a body that came in one message, and how it is answered.
enum BodyChunk {
  case none
  /// As it came, in the message at hand.
  case plain(Range<Int>)
  /// With changes.
  case edited([BodySegment])

  /// Puts the answer to the chunk in the queue.
  ///
  /// - Parameters:
  ///   - echo: whether the gateway wants the bytes back; else it keeps them.
  ///   - isReplaced: whether the gateway gets a chunk in the place of the one that it keeps, changed or not.
  func enqueue(
    _ direction: MessageDirection, echo: Bool, endOfStream: Bool, isReplaced: Bool, on transport: any ExtProcTransport
  ) {
    switch self {
    case .none:
      break
    case .plain(let range) where echo && range.count <= maximumPieceBytes:
      transport.enqueue(.chunk(direction, range, endOfStream: endOfStream))
    case .plain(let range) where echo:
      transport.enqueue([.message(range)], direction, endOfStream: endOfStream)
    case .edited(let segments) where echo:
      transport.enqueue(segments, direction, endOfStream: endOfStream)
    case .plain(let range) where isReplaced:
      transport.enqueue(.replacedBody(direction, [.message(range)]))
    case .edited(let segments):
      transport.enqueue(.replacedBody(direction, segments))
    case .plain:
      transport.enqueue(.unchangedBody(direction))
    }
  }
}

/// Pieces of a body that go back are cut at this size: the endpoint picker protocol's own figure, below the 64 KiB that gateways
/// accept at least.
private let maximumPieceBytes = 62_000

extension ExtProcTransport {
  /// Puts a body or a chunk in the queue, in pieces; an empty one is a piece too.
  func enqueue(_ body: [BodySegment], _ direction: MessageDirection, endOfStream: Bool) {
    let pieces = body.cut(every: maximumPieceBytes)
    for (number, piece) in pieces.enumerated() {
      enqueue(.bodyPiece(direction, piece, endOfStream: endOfStream && number == pieces.count - 1))
    }
  }
}

/// Puts the client's name for the model back into the chunks of an answer.
struct ChunkRestorer {
  private var names: ModelNameRestorer

  init(_ format: UsageScanner.Format, model: String) { names = ModelNameRestorer(format, model: model) }

  /// The chunk with the client's name in it; nil where nothing is to be changed.
  mutating func edited(_ payload: Range<Int>, _ transport: any ExtProcTransport) -> [BodySegment]? {
    var result: [BodySegment] = []
    var isChanged = false
    var start = payload.lowerBound
    transport.forEachPiece(of: payload) { piece in
      var kept = 0
      for edit in names.edits(in: piece) {
        isChanged = true
        result.append(.message(start + kept..<start + edit.range.lowerBound))
        result.append(.bytes(edit.replacement))
        kept = edit.range.upperBound
      }
      result.append(.message(start + kept..<start + piece.byteCount))
      start += piece.byteCount
    }
    return isChanged ? result : nil
  }
}
