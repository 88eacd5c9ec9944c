/// Writes and reads pool-wide facts from engines' events: `IndexSnapshotFormat`, kind 1. The sets of endpoints are not part of
/// it.
struct PoolPayload: IndexSnapshotPayload {
  let kind = IndexSnapshotFormat.SectionKind.pool
  let rank = 0
  let blockCount = 0
  let stepCount = 1
  /// The block size and the adapters; the sets of endpoints are empty after reading.
  private(set) var announcements: PrefixIndex.Announcements

  init(_ announcements: PrefixIndex.Announcements) { self.announcements = announcements }

  /// - Throws: when the payload is incomplete or contradicts itself.
  init(_ bytes: RawSpan, _ words: Range<Int>) throws(SnapshotWordCursor.Contradiction) {
    announcements = PrefixIndex.Announcements()
    var cursor = SnapshotWordCursor(words)
    let blockTokens = try cursor.word(bytes)
    guard blockTokens > 0, blockTokens <= UInt64(UInt32.max) else { throw SnapshotWordCursor.Contradiction() }
    announcements.blockTokens = Int(blockTokens)
    let count = try cursor.count(bytes)
    guard count <= IndexWriter.maximumLoRANames else { throw SnapshotWordCursor.Contradiction() }
    for _ in 0..<count { announcements.loRANames.insert(try cursor.text(bytes)) }
    guard cursor.left == 0 else { throw SnapshotWordCursor.Contradiction() }
  }

  var wordCount: Int {
    announcements.loRANames.reduce(2) { $0 + 1 + IndexSnapshotFormat.words($1.utf8.count, of: 1) }
  }

  func write(step: Int, to output: inout SnapshotWordWriter) {
    output.append(UInt64(announcements.blockTokens))
    output.append(UInt64(announcements.loRANames.count))
    for name in announcements.loRANames.sorted() { output.append(text: name) }
  }
}
