import EPPPrefixCache
import EPPTestKit
import Testing

@Suite struct KVEventDecoderTests {
  private func decode(_ bytes: [UInt8]) throws -> KVEventBatch {
    var batch = KVEventBatch()
    try unsafe KVEventDecoder().decode(bytes.span.bytes, into: &batch)
    return batch
  }

  private static func bytes(_ hexadecimal: String) throws -> [UInt8] {
    try stride(from: 0, to: hexadecimal.count, by: 2).map { position in
      let start = hexadecimal.index(hexadecimal.startIndex, offsetBy: position)
      return try #require(UInt8(hexadecimal[start..<hexadecimal.index(start, offsetBy: 2)], radix: 16))
    }
  }

  private static let map =
    "93cb3ff8000000000000918ba474797065ab426c6f636b53746f726564ac626c6f636b5f68617368657391cf1122334455667788b1706172"
    + "656e745f626c6f636b5f68617368c0a9746f6b656e5f696473940102cd012cce00011170aa626c6f636b5f73697a6504a76c6f72615f6964c0"
    + "a66d656469756da3475055a96c6f72615f6e616d65c0aa65787472615f6b65797391c0a967726f75705f69647800b26b765f63616368655f73"
    + "7065635f6b696e64ae66756c6c5f617474656e74696f6e00"
  private static let array =
    "93cb3ff80000000000009198ab426c6f636b53746f72656491cf1122334455667788c0940102cd012cce0001117004c0a3475055c000"

  @Test(arguments: [map, array]) func bothEncodingsSayTheSame(_ golden: String) throws {
    let batch = try decode(Self.bytes(golden))
    #expect(batch.dataParallelRank == 0)
    guard case .stored(let stored) = batch.events.first, batch.events.count == 1 else {
      Issue.record("no stored event: \(batch.events)")
      return
    }
    #expect(batch.hashes == [0x1122_3344_5566_7788])
    #expect(batch.tokens == [1, 2, 300, 70_000])
    #expect(stored.hashes == 0..<1)
    #expect(stored.tokens == 0..<4)
    #expect(stored.parent == nil)
    #expect(stored.blockTokens == 4)
    #expect(stored.tier == .gpu)
    #expect(stored.loRAName == nil)
    #expect(stored.cacheKind == .wholePrefix)
    #expect(stored.isContiguous)
    #expect(!stored.isPlaceholder)
  }

  /// Every byte of a message cut off, one at a time: an error, no trap, and nothing is left of it.
  @Test(arguments: [map, array]) func cutMessagesAreErrors(_ golden: String) throws {
    let whole = try Self.bytes(golden)
    for count in 0..<whole.count {
      var batch = KVEventBatch()
      #expect(throws: MessagePackError.self, "cut at \(count)") {
        try unsafe KVEventDecoder().decode(Array(whole.prefix(count)).span.bytes, into: &batch)
      }
      #expect(batch.events.isEmpty && batch.hashes.isEmpty && batch.tokens.isEmpty)
    }
  }

  @Test(arguments: Capture.names) func capturesOfEnginesAreReadAsTheReferenceReadsThem(_ name: String) throws {
    let captures = try Capture.read(name)
    #expect(!captures.isEmpty)
    for capture in captures {
      let batch = try decode(capture.bytes)
      #expect(batch.dataParallelRank == capture.rank)
      #expect(batch.unknownEvents == 0)
      try #require(batch.events.count == capture.events.count, "\(capture)")
      for (event, expected) in zip(batch.events, capture.events) { try check(event, expected, batch, capture) }
    }
  }

  private func check(
    _ event: KVEvent, _ expected: Capture.Event, _ batch: KVEventBatch, _ capture: Capture
  ) throws {
    switch (event, expected.type) {
    case (.cleared, "AllBlocksCleared"):
      break
    case (.removed(let removed), "BlockRemoved"):
      #expect(batch.hashes[removed.hashes].map(String.init) == expected.hashes)
      #expect(removed.group == expected.group)
      #expect(removed.tier == .gpu)
    case (.stored(let stored), "BlockStored"):
      #expect(batch.hashes[stored.hashes].map(String.init) == expected.hashes)
      #expect(stored.parent.map(String.init) == expected.parent)
      #expect(Array(batch.tokens[stored.tokens]) == expected.tokens)
      #expect(stored.blockTokens == expected.blockTokens)
      #expect(stored.loRAName == expected.loRAName)
      #expect(stored.group == expected.group)
      let extraKeys = (expected.extraKeys ?? []).map { $0.map(ExtraKey.text) }
      #expect(stored.extraKeys == (extraKeys.allSatisfy(\.isEmpty) ? [] : extraKeys))
      #expect(stored.cacheKind == .wholePrefix)
      #expect(stored.isContiguous)
    default:
      Issue.record("\(event) where the reference reads \(expected.type) in \(capture)")
    }
  }

  @Test func digestsAreTheirLastEightBytes() throws {
    // ["BlockRemoved", [bin(16)], nil] in an array of events, without a rank.
    let digest: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7, 0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7]
    let message: [UInt8] =
      [0x92, 0x01, 0x91, 0x93, 0xAC] + Array("BlockRemoved".utf8) + [0x91, 0xC4, 16] + digest + [0xC0]
    let batch = try decode(message)
    #expect(batch.hashes == [0xA0A1_A2A3_A4A5_A6A7])
    #expect(batch.dataParallelRank == nil)
  }

  @Test func signedHashesAreTheirBits() throws {
    // SGLang: an int64, here -2.
    let message: [UInt8] = [0x92, 0x01, 0x91, 0x92, 0xAC] + Array("BlockRemoved".utf8) + [0x91, 0xFE]
    #expect(try decode(message).hashes == [UInt64(bitPattern: -2)])
  }

  @Test func sglangHasItsSaltWhereVLLMHasItsAdapter() throws {
    func stored(behind parent: UInt8) throws -> BlocksStored? {
      var message: [UInt8] = [0x92, 0x01, 0x91, 0x98, 0xAB] + Array("BlockStored".utf8)
      message += [0x91, 7, parent, 0x92, 1, 2, 2, 0xC0, 0xA9] + Array("CPU_TIER1".utf8)
      message += [0x82, 0xA1, 0x78, 0xC3, 0xAA] + Array("cache_salt".utf8) + [0xA3] + Array("abc".utf8)
      guard case .stored(let stored) = try decode(message).events.first else { return nil }
      return stored
    }
    let first = try #require(try stored(behind: 0xC0))
    #expect(first.tier == .cpu)
    #expect(first.loRAName == nil)
    #expect(first.extraKeys == [[.text("abc")]])
    // The salt is the prefix's: a block behind another one has it through that one.
    let second = try #require(try stored(behind: 6))
    #expect(second.parent == 6)
    #expect(second.extraKeys.isEmpty)
  }

  @Test func extraKeysAreBounded() throws {
    // 300,000 blocks with an empty text each, in 600 KB: objects of tens of megabytes.
    var message: [UInt8] = [0x92, 0x01, 0x91, 0x82, 0xA4] + Array("type".utf8) + [0xAB] + Array("BlockStored".utf8)
    message += [0xAA] + Array("extra_keys".utf8) + [0xDD, 0x00, 0x04, 0x93, 0xE0]
    for _ in 0..<300_000 { message += [0x91, 0xA0] }
    let error = #expect(throws: MessagePackError.self) { try decode(message) }
    #expect(error?.reason == .tooMany)
  }

  @Test func mediaOfMooncakeAreWrittenSmall() throws {
    let message: [UInt8] =
      [0x92, 0x01, 0x91, 0x93, 0xAC] + Array("BlockRemoved".utf8) + [0x91, 7, 0xA3] + Array("cpu".utf8)
    guard case .removed(let removed) = try decode(message).events.first else {
      Issue.record("no removed event")
      return
    }
    #expect(removed.tier == .cpu)
  }

  @Test func itemsHaveTheirPlace() throws {
    var message: [UInt8] = [0x92, 0x01, 0x91, 0x82, 0xA4] + Array("type".utf8) + [0xAB] + Array("BlockStored".utf8)
    message += [0xAA] + Array("extra_keys".utf8) + [0x92, 0xC0, 0x92, 0x92, 0xA3] + Array("img".utf8) + [0xFD]
    message += [0xC4, 2, 8, 9]
    guard case .stored(let stored) = try decode(message).events.first else {
      Issue.record("no stored event")
      return
    }
    #expect(stored.extraKeys == [[], [.item(identifier: "img", offset: -3), .bytes([8, 9])]])
    #expect(stored.isPlaceholder)
  }

  @Test func whatIsNewIsPassedOver() throws {
    // A map event with an unknown member that nests, then an event of an unknown type, then one more part of the batch.
    var message: [UInt8] =
      [0x94, 0x01, 0x92, 0x82, 0xA3] + Array("new".utf8) + [0x92, 0x81, 0xA1, 0x61, 0xC0, 0xD6, 1, 0, 0]
    message += [0, 0, 0xA4] + Array("type".utf8) + [0xB0] + Array("AllBlocksCleared".utf8)
    message += [0x92, 0xA5] + Array("Other".utf8) + [0x90, 0xC0, 0xCB] + [UInt8](repeating: 0, count: 8)
    let batch = try decode(message)
    #expect(batch.events == [.cleared])
    #expect(batch.unknownEvents == 1)
  }

  @Test(
    arguments: [
      // Not an array; too short an array; events that are none; an event without a type.
      [0xC0], [0x91, 0x01], [0x92, 0x01, 0x91, 0x05], [0x92, 0x01, 0x91, 0x80], [0x92, 0x01, 0x91, 0x90],
      // Lengths that reach far behind the end.
      [0xDD, 0xFF, 0xFF, 0xFF, 0xFF], [0x92, 0x01, 0xDD, 0x7F, 0xFF, 0xFF, 0xFF],
      [0x92, 0x01, 0x91, 0xDF, 0xFF, 0xFF, 0xFF, 0xFF],
      [0xC1],
    ] as [[UInt8]]) func whatIsNoBatchIsAnError(_ bytes: [UInt8])
  {
    #expect(throws: MessagePackError.self) { try decode(bytes) }
  }

  @Test func nestingIsBounded() {
    // The rank's neighbour is skipped: 100,000 arrays in each other.
    let message: [UInt8] = [0x94, 0x01, 0x90, 0xC0] + [UInt8](repeating: 0x91, count: 100_000)
    #expect(throws: MessagePackError(reason: .tooDeep, offset: 4 + 32)) { try decode(message) }
  }

  @Test func anyBytesAreReadOrRefused() {
    var generator = SeededGenerator(seed: 11)
    var whole: [[UInt8]] = []
    for name in Capture.names.prefix(3) { whole += ((try? Capture.read(name)) ?? []).map(\.bytes) }
    for _ in 0..<5_000 {
      guard var message = whole.randomElement(using: &generator) else { return }
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        message[Int.random(in: message.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      _ = try? decode(message)
    }
  }
}
