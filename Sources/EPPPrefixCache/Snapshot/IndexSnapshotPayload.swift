/// The contents of a section, written in steps, so that they are never in memory a second time as a whole.
protocol IndexSnapshotPayload {
  /// The kind of the section.
  var kind: IndexSnapshotFormat.SectionKind { get }
  /// The data-parallel rank; 0 where there is none.
  var rank: Int { get }
  /// Words of all steps, known before the first one.
  var wordCount: Int { get }
  /// Blocks in the section, for the count in the end section.
  var blockCount: Int { get }
  /// The number of steps.
  var stepCount: Int { get }

  /// Writes one step, about 100 KB. Steps are written once each, in ascending order.
  func write(step: Int, to output: inout SnapshotWordWriter)
}

extension IndexSnapshotPayload {
  /// Elements of a column written in one step; a multiple of the elements of a word.
  static var stepElements: Int { 8192 }

  /// The number of steps of a column.
  static func steps(_ count: Int) -> Int { (count + stepElements - 1) / stepElements }

  /// The elements of a column that a step writes.
  static func range(_ step: Int, of count: Int) -> Range<Int> {
    step * stepElements..<min(count, (step + 1) * stepElements)
  }
}
