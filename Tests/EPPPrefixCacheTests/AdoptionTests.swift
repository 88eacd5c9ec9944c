import EPPCore
import EPPPrefixCache
import EPPTestKit
import Testing

/// Blocks that an engine held before anybody listened.
@Suite struct AdoptionTests {
  private let slot = EndpointSlot(index: 5, generation: 3)

  private func depth(_ prompt: [UInt32], _ writer: EventWriter, _ index: PrefixIndex) -> Int {
    var match = PrefixMatch()
    var query = tokenQuery(writer.tokens(prompt))
    index.match(&query, into: &match)
    return match.matchedBlocks(slot)
  }

  private func hashes(_ prompt: [UInt32], _ writer: EventWriter) -> [UInt64] {
    prompt.indices.map { writer.hash(Array(prompt[...$0])) }
  }

  @discardableResult
  private func apply(_ write: (inout EventWriter) -> Void, to index: PrefixIndex) throws -> AnnouncedCounts {
    var writer = EventWriter()
    write(&writer)
    return try apply(writer.message(), to: index)
  }

  @discardableResult
  private func apply(_ bytes: [UInt8], to index: PrefixIndex) throws -> AnnouncedCounts {
    var batch = KVEventBatch()
    try unsafe KVEventDecoder().decode(bytes.span.bytes, into: &batch)
    return index.apply(batch, from: slot)
  }

  @Test func aPromptTellsWhatWaitsForIt() throws {
    let index = PrefixIndex()
    let writer = EventWriter()
    try apply({ $0.store([1, 2, 3], [4, 5], "GPU") }, to: index)
    #expect(index.waitingBlocks(of: slot, rank: 0) == 2)
    #expect(depth([1, 2, 3, 4, 5], writer, index) == 0)
    // One that has nothing to do with it.
    let other: [UInt32] = [1, 2, 9]
    #expect(index.adopt(writer.tokens(other), hashes(other, writer), from: slot, rank: 0) == AnnouncedCounts())
    let prompt: [UInt32] = [1, 2, 3, 7]
    let counts = index.adopt(writer.tokens(prompt), hashes(prompt, writer), from: slot, rank: 0)
    #expect(counts.adopted == 3 && counts.stored == 2)
    #expect(index.waitingBlocks(of: slot, rank: 0) == 0)
    #expect(depth([1, 2, 3, 4, 5], writer, index) == 5)
    #expect(depth(prompt, writer, index) == 3)
    // They go as all others do.
    let removed = try apply(
      { for count in (1...5).reversed() { $0.remove(Array([1, 2, 3, 4, 5][..<count]), "GPU") } }, to: index)
    #expect(removed.removed == 5 && removed.unknown == 0)
    #expect(index.pairCount == 0)
  }

  @Test func whatHasGoneMeanwhileIsNotThere() throws {
    let index = PrefixIndex()
    let writer = EventWriter()
    try apply({ $0.store([1, 2, 3], [4], "GPU") }, to: index)
    try apply({ $0.remove([1, 2], "GPU") }, to: index)
    let prompt: [UInt32] = [1, 2, 3]
    index.adopt(writer.tokens(prompt), hashes(prompt, writer), from: slot, rank: 0)
    #expect(depth([1, 2, 3, 4], writer, index) == 1)
    // It comes again.
    try apply({ $0.store([1], [2], "GPU") }, to: index)
    #expect(depth([1, 2, 3, 4], writer, index) == 4)
  }

  @Test func tooMuchThatHasGoneEndsIt() throws {
    let index = PrefixIndex()
    let writer = EventWriter()
    try apply({ $0.store([1, 2], [3], "GPU") }, to: index)
    try apply({ for block in 0..<20_000 as Range<UInt32> { $0.remove([100, block], "GPU") } }, to: index)
    let prompt: [UInt32] = [1, 2]
    #expect(index.adopt(writer.tokens(prompt), hashes(prompt, writer), from: slot, rank: 0) == AnnouncedCounts())
    // Until nothing waits any more.
    try apply({ $0.store([], [1, 2], "GPU") }, to: index)
    try apply({ $0.store([5], [6], "GPU") }, to: index)
    #expect(index.adopt(writer.tokens([5]), hashes([5], writer), from: slot, rank: 0).adopted == 1)
  }

  /// The pool's block size is the one announced last, perhaps by another engine.
  @Test func hashesOfSmallerBlocksAreNotAdopted() throws {
    let index = PrefixIndex()
    let writer = EventWriter()
    try apply(
      {
        $0.blockTokens = 64; $0.store([1], [2], "GPU")
      }, to: index)
    #expect(index.adopt(writer.tokens([1]), hashes([1], writer), from: slot, rank: 0) == AnnouncedCounts())
    #expect(index.pairCount == 0)
  }

  /// What stands in the way of a part of it leaves nothing that is not so.
  @Test func whatHasGoneIsTakenOutThoughTheRestDoesNotFit() throws {
    var limits = PrefixIndex.Limits()
    limits.maximumBytes = 3 * 2 * (32 + 16)
    let index = PrefixIndex(limits: limits)
    let writer = EventWriter()
    try apply({ $0.store([1, 2, 3, 4, 5, 6], [7], "GPU") }, to: index)
    try apply({ $0.remove([1], "GPU") }, to: index)
    let prompt: [UInt32] = [1, 2, 3, 4, 5, 6]
    let counts = index.adopt(writer.tokens(prompt), hashes(prompt, writer), from: slot, rank: 0)
    #expect(counts.adopted == 2, "three fit, and one of them has gone")
    #expect(depth(prompt, writer, index) == 0)
  }

  @Test func anEndpointThatHasLeftAdoptsNothing() throws {
    let index = PrefixIndex()
    let writer = EventWriter()
    try apply({ $0.store([1], [2], "GPU") }, to: index)
    index.remove(slot)
    #expect(index.adopt(writer.tokens([1]), hashes([1], writer), from: slot, rank: 0) == AnnouncedCounts())
    #expect(index.waitingBlocks(of: slot, rank: 0) == 0)
  }

  /// An engine that serves random prompts and evicts random blocks, mostly tails; whoever listens from the middle on and
  /// hears of all prompts never takes a block for held that is not, and knows more than who hears of none.
  @Test(arguments: 0..<12 as Range<UInt64>) func lateListenersLearnNothingThatIsNotSo(_ seed: UInt64) throws {
    var dice = SeededGenerator(seed: seed)
    let (whole, late, deaf) = (PrefixIndex(), PrefixIndex(), PrefixIndex())
    var engine: [[UInt32]] = []
    var prompts: [[UInt32]] = [[]]
    let writer = EventWriter()
    var (known, lateKnown, deafKnown) = (0, 0, 0)
    for step in 0..<1000 {
      var events = EventWriter()
      if engine.count > 120 || Int.random(in: 0..<4, using: &dice) == 0, !engine.isEmpty {
        let position = Int.random(in: engine.indices, using: &dice)
        let block = engine[position]
        let hasChildren = engine.contains { $0.count > block.count && $0.starts(with: block) }
        guard !hasChildren || Int.random(in: 0..<20, using: &dice) == 0 else { continue }
        engine.remove(at: position)
        events.remove(block, "GPU")
      } else {
        var prompt = prompts.randomElement(using: &dice) ?? []
        prompt += (0..<Int.random(in: 1..<4, using: &dice)).map { _ in .random(in: 0..<6, using: &dice) }
        prompts.append(prompt.count > 14 ? [] : prompt)
        if step >= 300 { late.adopt(writer.tokens(prompt), hashes(prompt, writer), from: slot, rank: 0) }
        for count in 1...prompt.count where !engine.contains(Array(prompt[..<count])) {
          engine.append(Array(prompt[..<count]))
          events.store(Array(prompt[..<(count - 1)]), [prompt[count - 1]], "GPU")
        }
      }
      let bytes = events.message()
      try apply(bytes, to: whole)
      guard step >= 300 else { continue }
      try apply(bytes, to: late)
      try apply(bytes, to: deaf)
      for _ in 0..<3 {
        guard let prompt = prompts.randomElement(using: &dice), !prompt.isEmpty else { continue }
        let (expected, found) = (depth(prompt, writer, whole), depth(prompt, writer, late))
        #expect(found <= expected, "step \(step), \(prompt)")
        known += expected
        lateKnown += found
        deafKnown += depth(prompt, writer, deaf)
      }
    }
    #expect(lateKnown > deafKnown, "\(deafKnown) \(lateKnown) \(known)")
  }
}

@Suite struct EngineHashCheckTests {
  private func check(_ name: String) throws -> EngineHashCheck {
    var check = EngineHashCheck()
    for capture in try Capture.read(name) {
      var batch = KVEventBatch()
      try unsafe KVEventDecoder().decode(capture.bytes.span.bytes, into: &batch)
      check.see(batch)
    }
    return check
  }

  @Test(arguments: [
    ("v0.32.0-sha256", EngineBlockHasher.Algorithm.sha256), ("v0.32.0-sha256_cbor", .sha256CBOR),
    ("v0.32.0-sha256_cbor-bytes", .sha256CBOR), ("v0.22.1-sha256_cbor-block16", .sha256CBOR),
  ]) func hashesOfRealEnginesComeOutTheSame(_ name: String, _ algorithm: EngineBlockHasher.Algorithm) throws {
    guard case .known(let hasher) = try check(name).verdict else { return #expect(Bool(false), "not known") }
    #expect(hasher.algorithm == algorithm)
    // Prompts are hashed as the engine does it.
    var computed = 0
    var announced: Set<UInt64> = []
    for capture in try Capture.read(name) {
      var batch = KVEventBatch()
      try unsafe KVEventDecoder().decode(capture.bytes.span.bytes, into: &batch)
      announced.formUnion(batch.hashes)
    }
    for request in try CapturedRequest.read(name) where request.salt == nil && request.model ?? "tiny" == "tiny" {
      for prompt in request.prompts ?? [] {
        let hashes = hasher.hashes(of: prompt, blockTokens: name.hasSuffix("block16") ? 16 : 32)
        computed += hashes.count
        #expect(announced.isSuperset(of: hashes))
      }
    }
    #expect(computed > 20)
  }

  @Test(arguments: ["v0.32.0-xxhash", "v0.32.0-xxhash_cbor"]) func othersDoNot(_ name: String) throws {
    if case .known = try check(name).verdict { #expect(Bool(false), "\(name) is no SHA-256") }
  }

  @Test func aFewDifferencesSettleIt() throws {
    var check = EngineHashCheck()
    for block in 0..<EngineHashCheck.trials {
      #expect(check.isOpen)
      var writer = EventWriter()
      writer.store([], [UInt32(block)], nil)
      var batch = KVEventBatch()
      try unsafe KVEventDecoder().decode(writer.message().span.bytes, into: &batch)
      check.see(batch)
    }
    guard case .foreign = check.verdict else { return #expect(Bool(false)) }
  }
}
