import EPPCore
import EPPPrefixCache

/// Fills an index and measures it, on one thread.
struct IndexMeasurement {
  let index: PrefixIndex
  private var batch = KVEventBatch()
  private let decoder = KVEventDecoder()

  init(maximumBytes: Int = 16 << 30) {
    var limits = PrefixIndex.Limits()
    limits.maximumBytes = maximumBytes
    index = PrefixIndex(limits: limits, hasher: BlockHasher(seed: HashSeed(first: 1, second: 2)))
  }

  static func slot(_ endpoint: Int) -> EndpointSlot { EndpointSlot(index: endpoint, generation: 1) }

  mutating func apply(_ message: [UInt8], _ endpoint: Int) throws {
    try unsafe apply(message.span.bytes, endpoint)
  }

  mutating func apply(_ message: RawSpan, _ endpoint: Int) throws {
    try decoder.decode(message, into: &batch)
    index.apply(batch, from: Self.slot(endpoint))
  }

  mutating func decode(_ message: [UInt8]) throws { try unsafe decoder.decode(message.span.bytes, into: &batch) }

  /// One message that stores a part of a chain.
  static func stored(_ chain: Chain, _ range: Range<Int>) -> [UInt8] {
    var encoder = EventEncoder(blockTokens: Chain.blockTokens)
    encoder.store(
      hashes: range.map { chain.hash($0) }, parent: range.lowerBound > 0 ? chain.hash(range.lowerBound - 1) : nil,
      tokens: chain.tokens(range))
    return encoder.message()
  }

  /// Stores a chain in messages of at most 256 blocks.
  mutating func store(_ chain: Chain, _ range: Range<Int>, at endpoint: Int) throws {
    var start = range.lowerBound
    while start < range.upperBound {
      let end = min(range.upperBound, start + 256)
      try apply(Self.stored(chain, start..<end), endpoint)
      start = end
    }
  }

  /// A query whose keys are made.
  func query(_ tokens: [UInt32]) -> PrefixQuery {
    var query = PrefixQuery()
    begin(&query, for: Self.prompt(tokens))
    query.finish()
    return query
  }

  /// A query whose keys are made as far as the look-up asks for them.
  func begin(_ query: inout PrefixQuery, for prompt: CanonicalPrompt) {
    query.begin(
      for: prompt, request: InferenceRequest(api: .completions, model: "m"), hasher: index.hasher, maximumTokens: .max,
      blockTokens: Chain.blockTokens)
  }

  static func prompt(_ tokens: [UInt32]) -> CanonicalPrompt {
    var prompt = CanonicalPrompt()
    prompt.tokens = tokens
    prompt.prompts = [0..<tokens.count]
    return prompt
  }
}
