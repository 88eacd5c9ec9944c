/// Decodes the messages of vLLM and SGLang: `[time, [event...], data-parallel rank]`, where an event is an array that begins
/// with its type (vLLM up to 0.23, SGLang) or a map with a member `type` (vLLM from 0.24).
///
/// Unknown members and events of an unknown type are skipped: engines add both with every version. A message that is no
/// MessagePack, or whose known members have another shape, is an error as a whole.
package struct KVEventDecoder: Sendable {
  /// A decoder; it has no state.
  package init() {}

  /// Replaces the contents of the batch by the message. After an error the batch is empty.
  ///
  /// - Throws: `MessagePackError` when the message is malformed.
  package func decode(_ message: RawSpan, into batch: inout KVEventBatch) throws(MessagePackError) {
    batch.removeAll()
    do {
      var cursor = MessagePackCursor(message)
      try decode(message, &cursor, &batch)
    } catch {
      batch.removeAll()
      throw error
    }
  }

  private func decode(
    _ bytes: RawSpan, _ cursor: inout MessagePackCursor, _ batch: inout KVEventBatch
  ) throws(MessagePackError) {
    let count = try cursor.readArrayHeader(bytes)
    guard count >= 2 else { throw cursor.error(.unexpectedKind) }
    // The time by the engine's clock.
    _ = try cursor.readNumber(bytes)
    for _ in 0..<(try cursor.readArrayHeader(bytes)) { try decodeEvent(bytes, &cursor, &batch) }
    if count > 2, !cursor.readNull(bytes) {
      batch.dataParallelRank = Int(clamping: Int64(bitPattern: try cursor.readInteger(bytes)))
    }
    for _ in 3..<max(3, count) { try cursor.skip(bytes) }
  }

  private func decodeEvent(
    _ bytes: RawSpan, _ cursor: inout MessagePackCursor, _ batch: inout KVEventBatch
  ) throws(MessagePackError) {
    var members: EventMembers
    switch cursor.kind(bytes) {
    case .map: members = try EventMembers(map: bytes, &cursor, &batch)
    case .array: members = try EventMembers(array: bytes, &cursor, &batch)
    default: throw cursor.error(.unexpectedKind)
    }
    switch members.type {
    case .stored: batch.events.append(.stored(members.stored))
    case .removed: batch.events.append(.removed(members.removed))
    case .cleared: batch.events.append(.cleared)
    case .unknown: batch.unknownEvents += 1
    case nil: throw cursor.error(.unexpectedKind)
    }
  }
}
