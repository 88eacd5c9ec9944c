import EPPRequests

/// A body chunk of the current message, as it is to be sent back.
enum BodyChunk {
  /// The message has no body.
  case none
  /// The unchanged bytes, as a range of the current message.
  case plain(Range<Int>)
  /// The chunk with changes.
  case edited([BodySegment])

  /// Queues the reply to the chunk.
  ///
  /// - Parameters:
  ///   - echo: Whether the gateway expects the bytes back (full-duplex mode); else it keeps them.
  ///   - isReplaced: Whether a chunk that the gateway keeps is replaced even when it is unchanged.
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

/// Bytes at most of a piece of a body that is sent back: the limit of the endpoint picker protocol, below the 64 KiB that every
/// gateway accepts.
private let maximumPieceBytes = 62_000

extension ExtProcTransport {
  /// Queues a body or a chunk in pieces of at most 62,000 bytes; an empty body is one empty piece.
  func enqueue(_ body: [BodySegment], _ direction: MessageDirection, endOfStream: Bool) {
    let pieces = body.cut(every: maximumPieceBytes)
    for (number, piece) in pieces.enumerated() {
      enqueue(.bodyPiece(direction, piece, endOfStream: endOfStream && number == pieces.count - 1))
    }
  }
}

/// Replaces the model's name in the chunks of an answer by the name that the client used.
///
/// An object: few streams have one.
final class ChunkRestorer {
  private var names: ModelNameRestorer

  init(_ format: UsageScanner.Format, model: String) { names = ModelNameRestorer(format, model: model) }

  /// Returns the chunk with the client's name of the model; nil when nothing changes.
  ///
  /// - Parameter payload: Range of the chunk in the current message of `transport`.
  func edited(_ payload: Range<Int>, _ transport: any ExtProcTransport) -> [BodySegment]? {
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
