import EPPCore
import EngineSimulator
import Testing

/// The same requests as in captures of real vLLM engines: the simulated engine publishes the same bytes.
@Suite struct CapturedEngineTests {
  /// An engine as it was captured, and the bytes that it publishes.
  private struct Engine {
    private var engine: SimulatedEngine
    private let encoder: KVEventEncoder
    private var now = MonotonicTime(nanoseconds: 0)
    private var requests: UInt64 = 0
    /// Each with the time of the captured batch that it is compared with.
    private(set) var batches: [[CacheEvent]] = []

    init(_ change: (inout EngineOptions) -> Void = { _ in }, format: KVEventFormat = KVEventFormat()) {
      var options = EngineOptions()
      options.blockTokens = 32
      // 160, of which vLLM keeps one for itself.
      options.cacheBlocks = 159
      options.kvEvents = KVEventsConfiguration()
      change(&options)
      engine = SimulatedEngine(options: options)
      encoder = KVEventEncoder(format)
    }

    mutating func reset() {
      let isReset = engine.resetPrefixCache()
      #expect(isReset)
    }

    mutating func send(
      _ prompt: [UInt32], answer: [UInt32] = [], namespace: CacheNamespace = CacheNamespace(), session: String? = nil
    ) {
      requests += 1
      note(
        engine.submit(
          SimulatedRequest(
            id: SimulatedRequestID(requests), prompt: prompt, outputTokens: max(1, answer.count), namespace: namespace,
            sessionID: session, answer: answer), at: now))
      while let deadline = engine.nextDeadline {
        now = deadline
        note(engine.advance(to: now))
      }
    }

    private mutating func note(_ actions: [SimulatedEngineAction]) {
      for case .publish(let events) in actions { batches.append(events) }
    }

    func expect(_ captures: [CapturedBatch], _ location: SourceLocation = #_sourceLocation) {
      #expect(batches.count == captures.count, sourceLocation: location)
      for (index, capture) in captures.enumerated() where index < batches.count {
        // Not compared within #expect, which would print thousands of bytes.
        let isEqual = bytes(index, time: capture.time) == capture.bytes
        #expect(isEqual, "batch \(index)", sourceLocation: location)
      }
    }

    /// A batch as it is sent.
    func bytes(_ index: Int, time: Double) -> [UInt8] { encoder.encode(batches[index], time: time) }
  }

  /// Tokens that fill no block.
  private let rest = (1...23).map { UInt32($0) }

  @Test(arguments: [
    ("v0.32.0-sha256_cbor", HashAlgorithm.sha256CBOR, BlockHasher.defaultSeed, KVEventFormat()),
    ("v0.32.0-sha256", .sha256, BlockHasher.defaultSeed, KVEventFormat()),
    ("v0.32.0-sha256_cbor-bytes", .sha256CBOR, "42", KVEventFormat(hashes: .bytes)),
  ])
  func morePromptsThanTheCacheHoldsEvictEachOther(
    capture: String, algorithm: HashAlgorithm, seed: String, format: KVEventFormat
  ) throws {
    let captures = try CapturedBatch.read(capture, "13-evictions")
    var engine = Engine(
      {
        $0.hashAlgorithm = algorithm
        $0.hashSeed = seed
      }, format: format)
    engine.reset()
    for batch in captures { engine.send(batch.tokens + rest) }
    engine.expect(captures)
  }

  @Test func decodingStoresBlockByBlock() throws {
    let captures = try CapturedBatch.read("v0.32.0-sha256_cbor", "04-completion-decode")
    let tokens = captures.flatMap(\.tokens)
    var engine = Engine()
    engine.reset()
    engine.send(Array(tokens.prefix(4)), answer: Array(tokens.dropFirst(4)) + rest.prefix(8))
    engine.expect(captures)
  }

  @Test func aPromptThatIsCachedWholeStoresItsLastBlockAgain() throws {
    let captures = try CapturedBatch.read("v0.32.0-sha256_cbor", "12-block-boundary")
    let prompt = (2000..<2064).map { UInt32($0) }
    var engine = Engine()
    engine.reset()
    engine.send(prompt)
    engine.send(prompt)
    engine.send(prompt + [2064])
    engine.expect(captures)
  }

  @Test func theSameInTheOlderEncodingAndWithAnotherSeed() throws {
    let captures = try CapturedBatch.read("v0.22.1-sha256_cbor-block16", "12-block-boundary")
    let prompt = (2000..<2064).map { UInt32($0) }
    var engine = Engine(
      {
        $0.blockTokens = 16
        $0.hashSeed = "0"
      }, format: KVEventFormat(encoding: .array))
    engine.reset()
    engine.send(prompt)
    engine.send(prompt)
    engine.expect(captures)
  }

  @Test func saltsKeepPromptsApart() throws {
    let captures = try CapturedBatch.read("v0.32.0-sha256_cbor", "07-cache-salt")
    let prompt = (captures.first?.tokens ?? []) + rest
    var engine = Engine()
    engine.reset()
    for salt in ["tenant-a", "tenant-b", "tenant-a", nil] { engine.send(prompt, namespace: CacheNamespace(salt: salt)) }
    engine.expect(captures)
  }

  /// The adapter's path, which is hashed, is not in the capture: the hashes differ, and nothing else does.
  @Test func adaptersAreToldByNumberAndName() throws {
    let captures = try CapturedBatch.read("v0.32.0-sha256_cbor-lora", "20-lora")
    let capture = try #require(captures.first)
    var engine = Engine()
    engine.reset()
    engine.reset()
    engine.send(
      capture.tokens + rest, namespace: CacheNamespace(adapter: LoadedAdapter(name: "lora-a", path: "lora-a")))
    let bytes = engine.bytes(0, time: capture.time)
    let hashes = try #require(bytes.firstRange(of: Array("parent_block_hash".utf8))).lowerBound
    #expect(bytes.count == capture.bytes.count)
    let isEqual = bytes[hashes...] == capture.bytes[hashes...]
    #expect(isEqual)
  }

  @Test func theConversationIsToldWhenItIsKnown() throws {
    let captures = try CapturedBatch.read("v0.32.0-sha256_cbor", "08-session-id")
    var engine = Engine()
    engine.reset()
    for (batch, session) in zip(captures, ["sess-42", "sess-43"]) { engine.send(batch.tokens + rest, session: session) }
    engine.expect(captures)
  }

  @Test func anEmptiedCacheIsToldWithTheNextStep() throws {
    let captures = try CapturedBatch.read("v0.32.0-sha256_cbor", "14-reset")
    var engine = Engine()
    engine.reset()
    engine.send((captures.first?.tokens ?? []) + rest)
    engine.reset()
    #expect(engine.batches.count == 1)
    engine.send([9707])
    engine.expect(captures)
  }
}
