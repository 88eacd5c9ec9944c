import EPPCore
import EPPPrefixCache
import EPPTestKit
import Foundation
import Testing

/// Files whose checksums are right and whose contents are nonsense: they cost nothing but themselves.
@Suite struct SnapshotFuzzTests {
  /// More by hand: `WARMPATH_PROPERTY_STEPS=100000 swift test --filter SnapshotFuzz`.
  private static let steps = ProcessInfo.processInfo.environment["WARMPATH_PROPERTY_STEPS"].flatMap(Int.init) ?? 120

  private let slots = (0..<2).map { EndpointSlot(index: $0, generation: 1) }

  private func word(_ file: [UInt8], _ offset: Int) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(file[offset + $1]) << (8 * UInt64($1)) }
  }

  private func put(_ word: UInt64, in file: inout [UInt8], at offset: Int) {
    for byte in 0..<8 { file[offset + byte] = UInt8(truncatingIfNeeded: word >> (8 * UInt64(byte))) }
  }

  private func checksum(_ file: [UInt8], _ range: Range<Int>, section: Int) -> UInt64 {
    var checksum = IndexSnapshotChecksum(start: word(file, 56) &+ UInt64(section))
    for offset in stride(from: range.lowerBound, to: range.upperBound, by: 8) { checksum.add(word(file, offset)) }
    return checksum.value
  }

  /// Where the section headers are.
  private func sections(_ file: [UInt8]) -> [Int] {
    var offsets: [Int] = []
    var offset = 64
    while offset < file.count {
      offsets.append(offset)
      let identityWords = (Int(word(file, offset) >> 32) + 7) / 8
      offset += 8 * (4 + identityWords + Int(word(file, offset + 16)) + 1)
    }
    return offsets
  }

  /// Changes something of a section, so that its checksums are right again.
  private func forge(_ file: inout [UInt8], _ dice: inout SeededGenerator) {
    let offsets = sections(file)
    let section = Int.random(in: offsets.indices, using: &dice)
    let start = offsets[section]
    let end = (section + 1 < offsets.count ? offsets[section + 1] : file.count) - 8
    for _ in 0..<Int.random(in: 1...3, using: &dice) {
      let isHead = Bool.random(using: &dice)
      let offset = Int.random(in: start + 32..<(isHead ? min(end, start + 140) : end), using: &dice)
      switch Int.random(in: 0..<4, using: &dice) {
      case 0: file[offset] = 0
      case 1: file[offset] = 0xFF
      case 2: file[offset] &+= 1
      default: file[offset] = UInt8.random(in: 0...255, using: &dice)
      }
    }
    if Int.random(in: 0..<10, using: &dice) == 0 {
      let length = word(file, start + 16) &+ ([1, .max, 1 << 40, 1 << 61].randomElement(using: &dice) ?? 1)
      put(length, in: &file, at: start + 16)
    }
    if Int.random(in: 0..<10, using: &dice) == 0 {
      file[start] = UInt8.random(in: 0...5, using: &dice)
    }
    put(checksum(file, start..<start + 24, section: section), in: &file, at: start + 24)
    put(checksum(file, start + 32..<end, section: section), in: &file, at: end)
  }

  @Test(arguments: 0..<4)
  func aForgedFileHarmsNobody(seed: Int) throws {
    var dice = SeededGenerator(seed: UInt64(seed) &+ 600)
    let index = PrefixIndex()
    var batch = KVEventBatch()
    var engines = [0, 1].map { SnapshotEngine(endpoint: $0, rank: 0, &dice) }
    for step in 0..<60 {
      let message = engines[step % 2].message(&dice)
      try unsafe KVEventDecoder().decode(message.span.bytes, into: &batch)
      index.apply(batch, from: slots[step % 2])
      let names = (0..<Int.random(in: 1...20, using: &dice)).map { _ in Int.random(in: 0..<3, using: &dice) }
      _ = index.record(.of(names), at: slots[step % 2])
    }
    let file = SnapshotFile.bytes(of: index, slots)
    var restored = 0
    for _ in 0..<Self.steps {
      var forged = file
      forge(&forged, &dice)
      let other = PrefixIndex()
      for section in SnapshotFile.read(forged).sections {
        do {
          try SnapshotFile.restore([section], to: other, slots)
          restored += 1
        } catch {
          continue
        }
      }
      // Whatever it knows now, it goes on.
      for slot in slots {
        other.setCapacity(blocks: 25, of: slot)
        _ = other.record(.of([0, 1, 2, 0, 1]), at: slot)
      }
      for number in engines.indices {
        var engine = engines[number]
        for _ in 0..<6 {
          let message = engine.message(&dice)
          try unsafe KVEventDecoder().decode(message.span.bytes, into: &batch)
          other.apply(batch, from: slots[number])
        }
        var query = engine.query(engine.question(&dice))
        var match = PrefixMatch()
        other.match(&query, into: &match)
      }
      for slot in slots { other.remove(slot) }
    }
    #expect(restored > Self.steps)
  }

  @Test func garbageIsNoSnapshot() {
    var dice = SeededGenerator(seed: 8)
    for _ in 0..<2_000 {
      let garbage = (0..<Int.random(in: 1...300, using: &dice)).map { _ in UInt8.random(in: 0...255, using: &dice) }
      let reading = SnapshotFile.read(garbage)
      #expect(reading.sections.isEmpty && reading.errors.count == 1)
    }
  }
}
