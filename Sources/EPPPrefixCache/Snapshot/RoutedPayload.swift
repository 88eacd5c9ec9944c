/// Writes routed blocks: `IndexSnapshotFormat`, kind 3.
struct RoutedPayload: IndexSnapshotPayload {
  let kind = IndexSnapshotFormat.SectionKind.routed
  let rank = 0
  private let snapshot: RoutedSnapshot
  /// The number of a block in the file, by the number of its entry; meaningless for free entries.
  private let numbers: [UInt32]
  /// The entries at which uses ended, the oldest first.
  private let ends: [Int32]

  init(_ snapshot: RoutedSnapshot) {
    self.snapshot = snapshot
    var next: UInt32 = 0
    numbers = snapshot.entries.map { entry in
      defer { if entry.children != RoutedBlocks.free { next += 1 } }
      return next
    }
    var ends: [Int32] = []
    var end = snapshot.oldest
    while end >= 0 {
      ends.append(end)
      end = snapshot.entries[Int(end)].next
    }
    self.ends = ends
  }

  var blockCount: Int { snapshot.blockCount }
  private var entrySteps: Int { Self.steps(snapshot.entries.count) }

  var wordCount: Int {
    3 + blockCount + 2 * IndexSnapshotFormat.words(blockCount, of: 4) + IndexSnapshotFormat.words(ends.count, of: 4)
  }

  var stepCount: Int { 1 + 3 * entrySteps + Self.steps(ends.count) }

  func write(step: Int, to output: inout SnapshotWordWriter) {
    if step == 0 {
      output.append(UInt64(snapshot.capacityTokens))
      output.append(snapshot.uses, 0)
      return output.append(UInt32(blockCount), UInt32(ends.count))
    }
    guard step <= 3 * entrySteps else {
      let range = Self.range(step - 1 - 3 * entrySteps, of: ends.count)
      for end in ends[range] { output.append(element: numbers[Int(end)]) }
      if range.upperBound == ends.count { output.pad() }
      return
    }
    let (column, part) = (step - 1).quotientAndRemainder(dividingBy: entrySteps)
    let range = Self.range(part, of: snapshot.entries.count)
    for entry in snapshot.entries[range] where entry.children != RoutedBlocks.free {
      switch column {
      case 0: output.append(entry.key.rawValue)
      case 1: output.append(element: entry.parent < 0 ? 0 : numbers[Int(entry.parent)] + 1)
      default: output.append(element: entry.use)
      }
    }
    if range.upperBound == snapshot.entries.count { output.pad() }
  }
}
