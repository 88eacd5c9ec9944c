/// Reads a snapshot of the index from a file, section by section. Accepts any bytes.
///
/// The caller passes the next `wantedBytes` of the file until that is nil:
///
///     while let count = decoder.wantedBytes {
///       if let section = try decoder.read(bytes) { ... }  // the next `count` bytes of the file
///     }
///
/// Never requests more than is left of the file, so memory is bounded by its largest section. Used by one thread.
package struct IndexSnapshotDecoder: Sendable {
  /// The contents of a section.
  package enum Section: Sendable {
    /// Pool-wide facts from engines' events; the set of followed endpoints is empty.
    case pool(PrefixIndex.Announcements)
    /// What a data-parallel rank of an engine has announced.
    case announced(AnnouncedSnapshot, identity: [UInt8])
    /// What was routed to an endpoint.
    case routed(RoutedSnapshot, identity: [UInt8])
  }

  private enum Expectation {
    case header
    case sectionHeader
    case section(SectionHeader)
    case nothing
  }

  private struct SectionHeader {
    var kind: IndexSnapshotFormat.SectionKind
    var identityBytes: Int
    var rank: Int
    var payloadWords: Int

    var identityWords: Int { IndexSnapshotFormat.words(identityBytes, of: 1) }
    /// Words of identity, payload and checksum.
    var words: Int { identityWords + payloadWords + 1 }
  }

  /// The time of writing in seconds since 1970; 0 before the header is read.
  package private(set) var writtenAt = 0.0
  private let keySpace: IndexSnapshotKeySpace
  private let byteCount: Int
  private var offset = 0
  private var expectation = Expectation.header
  private var fileMark: UInt64 = 0
  private var sections: UInt64 = 0
  private var blocks: UInt64 = 0
  /// Whether a section was refused, so that the number of blocks in the end section cannot be checked.
  private var hasRefused = false

  /// - Parameters:
  ///   - keySpace: the key space of the index that is to be restored.
  ///   - byteCount: the size of the file in bytes.
  package init(keySpace: IndexSnapshotKeySpace, byteCount: Int) {
    self.keySpace = keySpace
    self.byteCount = byteCount
  }

  /// The number of bytes that `read` has to be given next; nil when everything is read, or after an error that ends the file.
  package var wantedBytes: Int? {
    let words: Int
    switch expectation {
    case .header: words = IndexSnapshotFormat.headerWords
    case .sectionHeader: words = IndexSnapshotFormat.sectionHeaderWords
    case .section(let header): words = header.words
    case .nothing: return nil
    }
    return min(words * IndexSnapshotFormat.wordBytes, byteCount - offset)
  }

  /// Reads the next bytes of the file.
  ///
  /// - Parameter bytes: the next `wantedBytes` of the file.
  /// - Returns: the section that these bytes complete, if any.
  /// - Throws: the reason why the rest of the file cannot be used; if `concernsOneSection`, the sections after it can be read.
  package mutating func read(_ bytes: RawSpan) throws(IndexSnapshotError) -> Section? {
    let before = expectation
    expectation = .nothing
    let start = offset
    offset += bytes.byteCount
    switch before {
    case .header: try readHeader(bytes)
    case .sectionHeader: try readSectionHeader(bytes, at: start)
    case .section(let header): return try read(header, bytes)
    case .nothing: break
    }
    return nil
  }

  // MARK: - Headers

  private mutating func readHeader(_ bytes: RawSpan) throws(IndexSnapshotError) {
    let words = bytes.byteCount / IndexSnapshotFormat.wordBytes
    if words > 0, bytes.word(0) != IndexSnapshotFormat.magic { throw .notASnapshot }
    guard words == IndexSnapshotFormat.headerWords else { throw .cutOff(after: offset) }
    let version = UInt32(truncatingIfNeeded: bytes.word(1))
    guard version == IndexSnapshotFormat.version else { throw .version(version) }
    var checksum = IndexSnapshotChecksum(start: 0)
    for word in 0..<words - 1 { checksum.add(bytes.word(word)) }
    guard checksum.value == bytes.word(words - 1) else { throw .damagedHeader }
    guard HashSeedID(first: bytes.word(2), second: bytes.word(3)) == keySpace.seed else { throw .otherSecret }
    guard bytes.word(4) == keySpace.form else { throw .otherKeys }
    let textBlockTokens = UInt32(truncatingIfNeeded: bytes.word(1) >> 32)
    guard textBlockTokens == keySpace.textBlockTokens else {
      throw .otherTextBlocks(there: textBlockTokens, here: keySpace.textBlockTokens)
    }
    writtenAt = Double(bitPattern: bytes.word(5))
    fileMark = checksum.value
    expectation = .sectionHeader
  }

  private mutating func readSectionHeader(_ bytes: RawSpan, at start: Int) throws(IndexSnapshotError) {
    guard bytes.byteCount == IndexSnapshotFormat.sectionHeaderWords * IndexSnapshotFormat.wordBytes else {
      throw .cutOff(after: offset)
    }
    var checksum = IndexSnapshotChecksum(start: fileMark &+ sections)
    for word in 0..<3 { checksum.add(bytes.word(word)) }
    guard checksum.value == bytes.word(3),
      let kind = IndexSnapshotFormat.SectionKind(rawValue: UInt32(truncatingIfNeeded: bytes.word(0)))
    else { throw .damagedSectionHeader(at: start) }
    guard bytes.word(2) <= UInt64(byteCount) else { throw .cutOff(after: byteCount) }
    let header = SectionHeader(
      kind: kind, identityBytes: Int(bytes.word(0) >> 32), rank: Int(Int64(bitPattern: bytes.word(1))),
      payloadWords: Int(bytes.word(2)))
    guard header.words <= (byteCount - offset) / IndexSnapshotFormat.wordBytes else {
      throw .cutOff(after: byteCount)
    }
    expectation = .section(header)
  }

  // MARK: - Sections

  private mutating func read(_ header: SectionHeader, _ bytes: RawSpan) throws(IndexSnapshotError) -> Section? {
    guard bytes.byteCount == header.words * IndexSnapshotFormat.wordBytes else { throw .cutOff(after: offset) }
    var checksum = IndexSnapshotChecksum(start: fileMark &+ sections)
    for word in 0..<header.words - 1 { checksum.add(bytes.word(word)) }
    let identity: [UInt8] = (0..<header.identityBytes).map { bytes.element($0, of: 0) }
    sections += 1
    if header.kind != .end { expectation = .sectionHeader }
    guard checksum.value == bytes.word(header.words - 1) else {
      hasRefused = true
      throw .wrongChecksum(identity: identity)
    }
    let payload = header.identityWords..<header.words - 1
    do throws(SnapshotWordCursor.Contradiction) {
      switch header.kind {
      case .pool: return .pool(try PoolPayload(bytes, payload).announcements)
      case .announced:
        let snapshot = try AnnouncedSnapshot(rank: header.rank, bytes, payload)
        blocks += UInt64(snapshot.blockCount)
        return .announced(snapshot, identity: identity)
      case .routed:
        let snapshot = try RoutedSnapshot(bytes, payload)
        blocks += UInt64(snapshot.blockCount)
        return .routed(snapshot, identity: identity)
      case .end: break
      }
    } catch {
      hasRefused = true
      throw .contradiction(identity: identity)
    }
    guard payload.count == 2, bytes.word(payload.lowerBound) == sections - 1,
      hasRefused || bytes.word(payload.lowerBound + 1) == blocks
    else { throw .wrongCounts }
    guard offset == byteCount else { throw .trailing(bytes: byteCount - offset) }
    return nil
  }
}
