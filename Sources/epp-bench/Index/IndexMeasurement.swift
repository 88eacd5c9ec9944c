import EPPCore
import EPPPrefixCache

/// An index to be measured, with functions that fill it. Use it on one thread at a time.
struct IndexMeasurement {
  /// The index.
  let index: PrefixIndex
  private var batch = KVEventBatch()
  private let decoder = KVEventDecoder()

  init(maximumBytes: Int = 16 << 30) {
    var limits = PrefixIndex.Limits()
    limits.maximumBytes = maximumBytes
    index = PrefixIndex(limits: limits, hasher: BlockHasher(seed: HashSeed(first: 1, second: 2)))
  }

  /// Returns the slot of an endpoint.
  static func slot(_ endpoint: Int) -> EndpointSlot { EndpointSlot(index: endpoint, generation: 1) }

  /// Decodes a message of an endpoint and applies it.
  mutating func apply(_ message: [UInt8], _ endpoint: Int) throws {
    try unsafe apply(message.span.bytes, endpoint)
  }

  /// Decodes a message of an endpoint and applies it.
  mutating func apply(_ message: RawSpan, _ endpoint: Int) throws {
    try decoder.decode(message, into: &batch)
    index.apply(batch, from: Self.slot(endpoint))
  }

  /// Decodes a message without applying it.
  mutating func decode(_ message: [UInt8]) throws { try unsafe decoder.decode(message.span.bytes, into: &batch) }

  /// Returns a message that stores a range of a chain's blocks.
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

  /// Returns a query with all its keys computed.
  func query(_ tokens: [UInt32]) -> PrefixQuery {
    var query = PrefixQuery()
    begin(&query, for: Self.prompt(tokens))
    query.finish()
    return query
  }

  /// Begins a query whose keys are computed when the look-up needs them.
  func begin(_ query: inout PrefixQuery, for prompt: CanonicalPrompt) {
    query.begin(
      for: prompt, request: InferenceRequest(api: .completions, model: "m"), hasher: index.hasher, maximumTokens: .max,
      blockTokens: Chain.blockTokens)
  }

  /// Returns a prompt of tokens.
  static func prompt(_ tokens: [UInt32]) -> CanonicalPrompt {
    var prompt = CanonicalPrompt()
    prompt.tokens = tokens
    prompt.prompts = [0..<tokens.count]
    return prompt
  }
}

extension [Double] {
  /// The median, for an even count the upper of the two middle values; 0 for an empty array.
  var median: Double { isEmpty ? 0 : sorted()[count / 2] }
}
