/// The contents of a section, written in steps, so that the whole of it never stands in memory a second time.
protocol IndexSnapshotPayload {
  var kind: IndexSnapshotFormat.SectionKind { get }
  var rank: Int { get }
  /// Words of all steps together, known before the first.
  var wordCount: Int { get }
  /// Blocks in it, for the count at the end of the file.
  var blockCount: Int { get }
  var stepCount: Int { get }

  /// Writes one step, about 100 KB; they come in ascending order, once each.
  func write(step: Int, to output: inout SnapshotWordWriter)
}

extension IndexSnapshotPayload {
  /// Elements of a column that are written in one step. A multiple of what fits into a word.
  static var stepElements: Int { 8192 }

  /// Steps that a column takes.
  static func steps(_ count: Int) -> Int { (count + stepElements - 1) / stepElements }

  /// The elements of a column that its step writes.
  static func range(_ step: Int, of count: Int) -> Range<Int> {
    step * stepElements..<min(count, (step + 1) * stepElements)
  }
}
