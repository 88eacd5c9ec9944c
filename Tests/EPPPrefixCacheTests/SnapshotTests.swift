import EPPCore
import EPPPrefixCache
import Testing

@Suite struct SnapshotTests {
  private let slots = (0..<2).map { EndpointSlot(index: $0, generation: 1) }

  /// An index that knows a little of everything: two engines, one of them with stores that wait, and picks.
  private func sample() throws -> PrefixIndex {
    let index = PrefixIndex()
    var writer = EventWriter()
    writer.store([], [1, 2, 3], "GPU")
    writer.store([1], [7], "CPU")
    writer.remove([1, 2], "GPU")
    try announce(writer, to: index, slots[0], EventStreamPosition(nextMessage: 8, lastMark: 5, engineStartTime: 3.5))
    var late = EventWriter()
    late.store([], [4], nil)
    late.store([5, 6], [7, 8], nil)
    try announce(late, to: index, slots[1], nil)
    _ = index.record(.of([1, 2, 3]), at: slots[0])
    _ = index.record(.of([1, 9]), at: slots[0])
    return index
  }

  private func announce(
    _ writer: EventWriter, to index: PrefixIndex, _ slot: EndpointSlot, _ position: EventStreamPosition?
  ) throws {
    var (writer, batch) = (writer, KVEventBatch())
    let message = writer.message()
    try unsafe KVEventDecoder().decode(message.span.bytes, into: &batch)
    index.apply(batch, from: slot, position: position)
  }

  // MARK: - Positions

  @Test func thePositionIsThatOfTheCopy() throws {
    let index = try sample()
    var snapshot = AnnouncedSnapshot()
    #expect(index.copyAnnounced(of: slots[0], into: &snapshot))
    #expect(snapshot.position == EventStreamPosition(nextMessage: 8, lastMark: 5, engineStartTime: 3.5))
    // The hole that [1, 2] has left is known too.
    #expect(snapshot.blockCount == 4)
    index.notePosition(EventStreamPosition(nextMessage: 9, isComplete: false), of: slots[0])
    #expect(index.copyAnnounced(of: slots[0], into: &snapshot))
    #expect(snapshot.position == EventStreamPosition(nextMessage: 9, isComplete: false))
    // A batch without a position: how far the stream is cannot be told any more.
    try announce(EventWriter(), to: index, slots[0], nil)
    #expect(index.copyAnnounced(of: slots[0], into: &snapshot))
    #expect(snapshot.position == nil)
    // The engine was started anew: nothing is known of it.
    index.resetEvents(from: slots[0])
    #expect(!index.copyAnnounced(of: slots[0], into: &snapshot))
    #expect(index.announcedRanks(of: slots[0]) == [])
  }

  @Test func anotherEndpointOfASlotHasNothingToCopy() throws {
    let index = try sample()
    let later = EndpointSlot(index: 0, generation: 2)
    var (announced, routed) = (AnnouncedSnapshot(), RoutedSnapshot())
    #expect(!index.copyAnnounced(of: later, into: &announced))
    #expect(!index.copyRouted(of: later, into: &routed))
    #expect(index.announcedRanks(of: later) == [])
  }

  // MARK: - Restoring

  @Test func whatIsNewerIsNotReplaced() throws {
    let index = try sample()
    let sections = SnapshotFile.read(SnapshotFile.bytes(of: index, slots)).sections
    let other = PrefixIndex()
    try announce(EventWriter(), to: other, slots[0], nil)
    _ = other.record(.of([5]), at: slots[0])
    for section in sections {
      #expect(throws: IndexRestoreError.occupied) {
        switch section {
        case .announced(let snapshot, _): try other.restore(snapshot, to: slots[0])
        case .routed(let snapshot, _): try other.restore(snapshot, to: slots[0])
        case .pool: throw IndexRestoreError.occupied
        }
      }
    }
    #expect(Slots(slots).depths(.of([1, 2, 3]), in: other) == [0, 0])
    #expect(Slots(slots).depths(.of([5]), in: other) == [1, 0])
  }

  @Test func anEndpointThatHasLeftGetsNothing() throws {
    let sections = SnapshotFile.read(SnapshotFile.bytes(of: try sample(), slots)).sections
    let index = PrefixIndex()
    index.remove(slots[0])
    #expect(throws: IndexRestoreError.departed) { try SnapshotFile.restore(sections, to: index, slots) }
    #expect(index.pairCount == 0)
  }

  @Test func picksAreRestoredWithTheCapacityOfTheirTime() throws {
    let index = PrefixIndex()
    index.setCapacity(blocks: 20_000, of: slots[0])
    let long = Array(0..<10_000)
    _ = index.record(.of(long), at: slots[0])
    let restored = PrefixIndex()
    try SnapshotFile.restore(SnapshotFile.read(SnapshotFile.bytes(of: index, slots)).sections, to: restored, slots)
    #expect(Slots(slots).depths(.of(long), in: restored) == [10_000, 0])
    // A smaller cache that is known already counts more.
    let small = PrefixIndex()
    small.setCapacity(blocks: 100, of: slots[0])
    try SnapshotFile.restore(SnapshotFile.read(SnapshotFile.bytes(of: index, slots)).sections, to: small, slots)
    #expect(Slots(slots).depths(.of(long), in: small) == [100, 0])
  }

  @Test func aLargeSectionComesInChunks() throws {
    let index = PrefixIndex()
    var batch = KVEventBatch()
    for part in 0..<300 as Range<UInt32> {
      var writer = EventWriter(blockTokens: 1)
      writer.store([], (0..<200).map { part * 200 + $0 }, nil)
      let message = writer.message()
      try unsafe KVEventDecoder().decode(message.span.bytes, into: &batch)
      index.apply(batch, from: slots[0])
    }
    var snapshot = AnnouncedSnapshot()
    #expect(index.copyAnnounced(of: slots[0], into: &snapshot))
    var chunks: [Int] = []
    var encoder = IndexSnapshotEncoder(keySpace: SnapshotFile.keySpace, writtenAt: 0)
    encoder.append(snapshot, of: [1]) { chunks.append($0.byteCount) }
    #expect(chunks.count > 1)
    #expect(chunks.reduce(0, +) == encoder.byteCount)
    // 18 bytes a block, and what stands around them.
    #expect(encoder.byteCount < 60_000 * 18 + 1_000)
    let file = SnapshotFile.bytes(of: index, slots)
    let restored = PrefixIndex()
    try SnapshotFile.restore(SnapshotFile.read(file).sections, to: restored, slots)
    let isSame = SnapshotFile.bytes(of: restored, slots) == file
    #expect(isSame)
  }

  // MARK: - Foreign files

  @Test func aForeignFileIsRefusedWithItsReason() throws {
    let file = SnapshotFile.bytes(of: try sample(), slots)
    func reason(_ file: [UInt8], seed: UInt64 = 11, textBlockTokens: Int = 16) -> String? {
      let keySpace = IndexSnapshotKeySpace(
        seed: HashSeed(first: seed, second: 12), textBlockTokens: textBlockTokens)
      let reading = SnapshotFile.read(file, keySpace: keySpace)
      #expect(reading.isComplete == reading.errors.isEmpty)
      return reading.errors.first.map { "\($0)" }
    }
    #expect(reason(file) == nil)
    #expect(reason(file, seed: 10) == "it was written with another hash secret")
    #expect(
      reason(file, textBlockTokens: 64) == "it was written with blocks of 16 tokens of text; this program is set to 64")
    var other = file
    other[8] = 3
    #expect(reason(other) == "it has version 3 of the format; this program reads 1")
    #expect(reason(Array("{\"endpoints\": []}\n".utf8)) == "it is no snapshot of an index")
    #expect(reason([]) == "it is cut off after 0 bytes")
    #expect(reason(Array(file.prefix(file.count - 8))) == "it is cut off after \(grouped(file.count - 8)) bytes")
    #expect(reason(file + [0, 0]) == "2 bytes follow its end")
  }

  private func grouped(_ number: Int) -> String {
    number < 1_000 ? "\(number)" : "\(number / 1_000),\(String(number % 1_000 + 1_000).dropFirst())"
  }

  @Test func theSecretIsNotInTheFile() throws {
    let seed = HashSeed(first: 0x0123_4567_89AB_CDEF, second: 0xFEDC_BA98_7654_3210)
    let keySpace = IndexSnapshotKeySpace(seed: seed, textBlockTokens: 16)
    let file = SnapshotFile.bytes(of: PrefixIndex(), [], keySpace: keySpace)
    for word in [seed.first, seed.second] {
      let bytes = (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * UInt64($0))) }
      for start in 0...(file.count - 8) {
        #expect(Array(file[start..<start + 8]) != bytes)
        #expect(Array(file[start..<start + 8]) != bytes.reversed())
      }
    }
    // printf 'warmpath hash secret id\xef\xcd\xab\x89\x67\x45\x23\x01\x10\x32\x54\x76\x98\xba\xdc\xfe' | sha256sum
    #expect(
      file[16..<32].map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
        == "3f44cb8eda70ff29faae28d5cb362a70")
  }

  // MARK: - Damage

  @Test func everyDamagedByteIsFound() throws {
    let file = SnapshotFile.bytes(of: try sample(), slots)
    #expect(SnapshotFile.read(file).isComplete)
    for offset in file.indices {
      for change in [1, 0x80, 0xFF] as [UInt8] {
        var damaged = file
        damaged[offset] ^= change
        let reading = SnapshotFile.read(damaged)
        #expect(!reading.errors.isEmpty, "byte \(offset) ^ \(change)")
        // What is not damaged is as it was.
        try SnapshotFile.restore(reading.sections, to: PrefixIndex(), slots)
      }
    }
  }

  @Test func everyCutIsFound() throws {
    let file = SnapshotFile.bytes(of: try sample(), slots)
    for length in 0..<file.count {
      let reading = SnapshotFile.read(Array(file.prefix(length)))
      #expect(!reading.isComplete)
      #expect(reading.errors == [.cutOff(after: length)], "\(length) of \(file.count)")
    }
  }

  @Test func oneDamagedSectionSparesTheOthers() throws {
    let file = SnapshotFile.bytes(of: try sample(), slots)
    let name = Array("10.0.0.1:8000".utf8)
    let start = try #require(file.indices.first { file[$0...].starts(with: name) })
    var damaged = file
    damaged[start + 30] ^= 4
    let reading = SnapshotFile.read(damaged)
    #expect(reading.errors.map { "\($0)" } == ["the checksum of the section of 10.0.0.1:8000 is wrong"])
    #expect(reading.errors.first?.concernsOneSection == true)
    #expect(reading.isComplete)
    #expect(reading.sections.count == 3)
  }
}
