/// Writes announced blocks: `IndexSnapshotFormat`, kind 2.
struct AnnouncedPayload: IndexSnapshotPayload {
  private typealias EntryFlags = IndexSnapshotFormat.EntryFlags

  let kind = IndexSnapshotFormat.SectionKind.announced
  private let snapshot: AnnouncedSnapshot
  /// The words before the first column: layout and adapter's name.
  private let head: [UInt64]
  /// The words of the waiting stores.
  private let waiting: [UInt64]
  /// Entries whose parent is in column 2.
  private let storedParents: Int

  init(_ snapshot: AnnouncedSnapshot) {
    self.snapshot = snapshot
    storedParents = snapshot.entries.indices.count { Self.storesParent(snapshot.entries[$0], $0) }
    var output = SnapshotWordWriter()
    snapshot.waiting.write(to: &output)
    waiting = output.words
    output.removeAll()
    Self.writeHead(snapshot, storedParents, waiting.count, to: &output)
    head = output.words
  }

  var rank: Int { snapshot.rank }
  var blockCount: Int { snapshot.blockCount }
  private var entryCount: Int { snapshot.entries.count }
  private var columnSteps: Int { Self.steps(entryCount) }

  var wordCount: Int {
    head.count + IndexSnapshotFormat.words(entryCount, of: 2) + IndexSnapshotFormat.words(storedParents, of: 4)
      + 2 * snapshot.blockCount + waiting.count
  }

  var stepCount: Int { 3 * columnSteps + 2 }

  func write(step: Int, to output: inout SnapshotWordWriter) {
    if step == 0 { return Self.copy(head, to: &output) }
    if step == stepCount - 1 { return Self.copy(waiting, to: &output) }
    let (column, part) = (step - 1).quotientAndRemainder(dividingBy: columnSteps)
    let range = Self.range(part, of: entryCount)
    switch column {
    case 0: for number in range { output.append(element: Self.flags(snapshot.entries[number], number)) }
    case 1:
      for number in range where Self.storesParent(snapshot.entries[number], number) {
        output.append(element: snapshot.entries[number].parent)
      }
    default:
      for entry in snapshot.entries[range] where !entry.isFree {
        output.append(entry.hash)
        output.append(entry.key.rawValue)
      }
    }
    if range.upperBound == entryCount { output.pad() }
  }

  private static func copy(_ words: [UInt64], to output: inout SnapshotWordWriter) {
    for word in words { output.append(UInt64(littleEndian: word)) }
  }

  // MARK: - Head

  private static func writeHead(
    _ snapshot: AnnouncedSnapshot, _ storedParents: Int, _ waitingWords: Int, to output: inout SnapshotWordWriter
  ) {
    let (state, position) = (snapshot.state, snapshot.position)
    output.append(flags(of: snapshot).rawValue)
    output.append(position?.nextMessage ?? 0)
    output.append(position?.lastMark ?? 0)
    output.append(position?.engineStartTime?.bitPattern ?? 0)
    output.append(UInt64(bitPattern: Int64(state.group?.number ?? 0)))
    output.append(UInt32(clamping: state.group?.blockTokens ?? 0), UInt32(snapshot.entries.count))
    output.append(UInt32(snapshot.blockCount), UInt32(storedParents))
    output.append(snapshot.firstFree, UInt32(state.hand))
    let name = state.lastLoRAName ?? ""
    output.append(UInt32(name.utf8.count), UInt32(waitingWords))
    output.append(bytes: name.utf8)
  }

  private static func flags(of snapshot: AnnouncedSnapshot) -> IndexSnapshotFormat.CacheFlags {
    var flags: IndexSnapshotFormat.CacheFlags = []
    if let position = snapshot.position {
      flags.insert(.hasPosition)
      if position.lastMark != nil { flags.insert(.hasMark) }
      if position.engineStartTime != nil { flags.insert(.hasStartTime) }
      if position.isComplete { flags.insert(.isComplete) }
    }
    if let group = snapshot.state.group {
      flags.formUnion([.hasGroup, .hasBlockTokens])
      if group.number != nil { flags.insert(.isNumbered) }
    }
    if snapshot.state.lastLoRAName != nil { flags.insert(.hasLoRAName) }
    if snapshot.tiers.contains(.gpu) { flags.insert(.usesGPU) }
    if snapshot.tiers.contains(.cpu) { flags.insert(.usesCPU) }
    if snapshot.tiers.contains(.storage) { flags.insert(.usesStorage) }
    return flags
  }

  // MARK: - Entries

  @inline(__always)
  private static func storesParent(_ entry: AnnouncedBlocks.Entry, _ number: Int) -> Bool {
    entry.parent != 0 && (entry.isFree || Int(entry.parent) != number)
  }

  @inline(__always)
  private static func flags(_ entry: AnnouncedBlocks.Entry, _ number: Int) -> UInt16 {
    let noParent = entry.parent == 0 ? EntryFlags.hasNoParent.rawValue : 0
    if entry.isFree { return EntryFlags.isFree.rawValue | noParent }
    var flags = UInt16(truncatingIfNeeded: entry.copies) | noParent
    if entry.parent != 0, Int(entry.parent) == number { flags |= EntryFlags.follows.rawValue }
    if entry.isSaturated { flags |= EntryFlags.isSaturated.rawValue }
    return flags
  }
}
