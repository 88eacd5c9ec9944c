/// Writes a snapshot of the index, section by section, in chunks that the caller puts into a file one after the other.
///
/// Holds no more than about 1 MB besides the section that it is given. To be used by one thread. A file is whole only
/// after `finish`.
package struct IndexSnapshotEncoder: ~Copyable {
  /// Chunks are handed on from this size on.
  private static let chunkWords = 1 << 17

  private var output = SnapshotWordWriter()
  /// The checksum of the header, which all others start from.
  private let fileMark: UInt64
  private var sections: UInt64 = 0
  private var blocks: UInt64 = 0
  /// Bytes written so far, the end not included.
  package private(set) var byteCount = 0

  /// - Parameters:
  ///   - keySpace: that of the index.
  ///   - writtenAt: the time of writing in seconds since 1970.
  package init(keySpace: IndexSnapshotKeySpace, writtenAt: Double) {
    output.append(IndexSnapshotFormat.magic)
    output.append(IndexSnapshotFormat.version, keySpace.textBlockTokens)
    output.append(keySpace.seed.first)
    output.append(keySpace.seed.second)
    output.append(keySpace.form)
    output.append(writtenAt.bitPattern)
    output.append(0)
    fileMark = output.checksum.value
    output.append(fileMark)
  }

  /// Writes what engines say of the pool as a whole. First, so that it is there when the first endpoint is.
  ///
  /// - Parameter write: takes the next bytes of the file; its errors are passed on, and the file is then of no use.
  package mutating func append<Failure: Error>(
    _ announcements: PrefixIndex.Announcements, to write: (RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    try append(PoolPayload(announcements), of: [], to: write)
  }

  /// Writes what an engine, or a data-parallel rank of it, has announced.
  ///
  /// - Parameters:
  ///   - identity: what names the endpoint in any process; not empty.
  ///   - write: takes the next bytes of the file.
  package mutating func append<Failure: Error>(
    _ snapshot: AnnouncedSnapshot, of identity: [UInt8], to write: (RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    try append(AnnouncedPayload(snapshot), of: identity, to: write)
  }

  /// Writes what was sent to an endpoint.
  ///
  /// - Parameters:
  ///   - identity: what names the endpoint in any process; not empty.
  ///   - write: takes the next bytes of the file.
  package mutating func append<Failure: Error>(
    _ snapshot: RoutedSnapshot, of identity: [UInt8], to write: (RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    try append(RoutedPayload(snapshot), of: identity, to: write)
  }

  /// Writes the end.
  ///
  /// - Parameter write: takes the last bytes of the file.
  package consuming func finish<Failure: Error>(to write: (RawSpan) throws(Failure) -> Void) throws(Failure) {
    try append(EndPayload(sections: sections, blocks: blocks), of: [], to: write)
  }

  private mutating func append<Payload: IndexSnapshotPayload, Failure: Error>(
    _ payload: Payload, of identity: [UInt8], to write: (RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    output.checksum = IndexSnapshotChecksum(start: fileMark &+ sections)
    output.append(payload.kind.rawValue, UInt32(identity.count))
    output.append(UInt64(bitPattern: Int64(payload.rank)))
    output.append(UInt64(payload.wordCount))
    output.append(output.checksum.value)
    output.checksum = IndexSnapshotChecksum(start: fileMark &+ sections)
    output.append(bytes: identity)
    for step in 0..<payload.stepCount {
      payload.write(step: step, to: &output)
      if output.words.count >= Self.chunkWords { try flush(to: write) }
    }
    output.append(output.checksum.value)
    try flush(to: write)
    sections += 1
    blocks += UInt64(payload.blockCount)
  }

  private mutating func flush<Failure: Error>(to write: (RawSpan) throws(Failure) -> Void) throws(Failure) {
    byteCount += output.words.count * IndexSnapshotFormat.wordBytes
    try unsafe write(output.words.span.bytes)
    output.removeAll()
  }
}

/// The end: `IndexSnapshotFormat`, kind 4.
private struct EndPayload: IndexSnapshotPayload {
  let kind = IndexSnapshotFormat.SectionKind.end
  let rank = 0
  let blockCount = 0
  let wordCount = 2
  let stepCount = 1
  let sections: UInt64
  let blocks: UInt64

  func write(step: Int, to output: inout SnapshotWordWriter) {
    output.append(sections)
    output.append(blocks)
  }
}
