/// Writes a snapshot of the index, section by section, in chunks that the caller appends to a file.
///
/// Uses at most about 1 MB besides the section that it is given. Used by one thread. A file is complete only after `finish`.
package struct IndexSnapshotEncoder: ~Copyable {
  /// The size from which on a chunk is passed to the caller.
  private static let chunkWords = 1 << 17

  private var output = SnapshotWordWriter()
  /// The header's checksum, from which all others start.
  private let fileMark: UInt64
  private var sections: UInt64 = 0
  private var blocks: UInt64 = 0
  /// Bytes written so far, without the end section.
  package private(set) var byteCount = 0

  /// - Parameters:
  ///   - keySpace: the key space of the index.
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

  /// Writes pool-wide facts from engines' events. To be called first, so that they are restored before the first endpoint.
  ///
  /// - Parameter write: appends the next bytes to the file.
  /// - Throws: errors of `write`; the file is then unusable.
  package mutating func append<Failure: Error>(
    _ announcements: PrefixIndex.Announcements, to write: (RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    try append(PoolPayload(announcements), of: [], to: write)
  }

  /// Writes what a data-parallel rank of an engine has announced.
  ///
  /// - Parameters:
  ///   - identity: identifies the endpoint across processes; not empty.
  ///   - write: appends the next bytes to the file.
  /// - Throws: errors of `write`; the file is then unusable.
  package mutating func append<Failure: Error>(
    _ snapshot: AnnouncedSnapshot, of identity: [UInt8], to write: (RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    try append(AnnouncedPayload(snapshot), of: identity, to: write)
  }

  /// Writes what was routed to an endpoint.
  ///
  /// - Parameters:
  ///   - identity: identifies the endpoint across processes; not empty.
  ///   - write: appends the next bytes to the file.
  /// - Throws: errors of `write`; the file is then unusable.
  package mutating func append<Failure: Error>(
    _ snapshot: RoutedSnapshot, of identity: [UInt8], to write: (RawSpan) throws(Failure) -> Void
  ) throws(Failure) {
    try append(RoutedPayload(snapshot), of: identity, to: write)
  }

  /// Writes the end section.
  ///
  /// - Parameter write: appends the last bytes to the file.
  /// - Throws: errors of `write`.
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

/// The end section: `IndexSnapshotFormat`, kind 4.
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
