import EPPCore
import EPPPrefixCache

/// Prompts written as lists of block names: equal names at the head of two lists are an equal prefix.
enum PromptText {
  static func prompt(_ lists: [[Int]]) -> CanonicalPrompt {
    var prompt = CanonicalPrompt()
    for list in lists {
      let start = prompt.bytes.count
      for name in list { prompt.bytes.append(contentsOf: block(name)) }
      prompt.prompts.append(start..<prompt.bytes.count)
    }
    return prompt
  }

  /// 64 bytes that only this name has.
  static func block(_ name: Int) -> [UInt8] {
    var text = Array("<\(name)>".utf8)
    text.append(contentsOf: repeatElement(UInt8(ascii: "."), count: 64 - text.count))
    return text
  }
}

extension PrefixQuery {
  static let hasher = BlockHasher(seed: HashSeed(first: 11, second: 12))

  static func of(
    _ lists: [Int]..., model: String = "m", salt: String? = nil, hasher: BlockHasher = hasher, maximum: Int = .max
  ) -> PrefixQuery {
    var query = PrefixQuery()
    query.reset(
      for: PromptText.prompt(lists), request: InferenceRequest(api: .completions, model: model, cacheSalt: salt),
      hasher: hasher, maximumBlocks: maximum)
    return query
  }

  /// One whose keys are not made yet.
  static func lazy(_ lists: [Int]..., maximum: Int = .max) -> PrefixQuery {
    var query = PrefixQuery()
    query.begin(
      for: PromptText.prompt(lists), request: InferenceRequest(api: .completions, model: "m"), hasher: hasher,
      maximumTokens: maximum == .max ? .max : 16 * maximum, blockTokens: 16)
    return query
  }

  /// Takes up prompts and makes all keys at once.
  mutating func reset(
    for prompt: CanonicalPrompt, request: InferenceRequest, hasher: BlockHasher, maximumBlocks: Int
  ) {
    let (tokens, isTooMuch) = maximumBlocks.multipliedReportingOverflow(by: 16)
    begin(for: prompt, request: request, hasher: hasher, maximumTokens: isTooMuch ? .max : tokens, blockTokens: 16)
    finish()
  }
}

extension PrefixIndex {
  /// One for the queries of these tests.
  convenience init(limits: Limits = Limits()) {
    var limits = limits
    limits.textBlockTokens = 16
    self.init(limits: limits, hasher: PrefixQuery.hasher)
  }

  var pairCount: Int { currentStatistics().pairs }

  func record(_ query: PrefixQuery, at slot: EndpointSlot) -> PickRecord {
    var query = query
    return record(&query, at: slot)
  }

  func match(_ query: PrefixQuery, into match: inout PrefixMatch) {
    var query = query
    self.match(&query, into: &match)
  }

  func setCapacity(blocks: Int, of slot: EndpointSlot) { setCapacity(tokens: 16 * blocks, of: slot) }
}

/// A pool of endpoints that nothing is known of but their slots.
struct Slots {
  let slots: [EndpointSlot]
  let snapshot: PoolSnapshot

  init(_ count: Int, generation: UInt32 = 1) {
    self.init((0..<count).map { EndpointSlot(index: $0, generation: generation) })
  }

  init(_ slots: [EndpointSlot]) {
    self.slots = slots
    snapshot = PoolSnapshot(
      members: slots.map { slot in
        PoolSnapshot.Member(
          endpoint: Endpoint(
            name: "e\(slot.index)", address: EndpointAddress(host: "10.0.0.\(slot.index)", port: 8000), slot: slot),
          metrics: EndpointMetrics(), load: EndpointLoad(), isStale: false)
      })
  }

  subscript(_ index: Int) -> EndpointSlot { slots[index] }

  /// Matched blocks of every endpoint, in order.
  func depths(_ query: PrefixQuery, in index: PrefixIndex) -> [Int] {
    var match = PrefixMatch()
    index.match(query, into: &match)
    return slots.map { match.matchedBlocks($0) }
  }
}

/// A query for token ids.
func tokenQuery(
  _ tokens: [UInt32], blockTokens: Int = 16, salt: String? = nil, loRAName: String? = nil
) -> PrefixQuery {
  var prompt = CanonicalPrompt()
  prompt.tokens = tokens
  prompt.prompts = [0..<tokens.count]
  var query = PrefixQuery()
  query.begin(
    for: prompt, request: InferenceRequest(api: .completions, model: "m", cacheSalt: salt), hasher: PrefixQuery.hasher,
    maximumTokens: .max, blockTokens: blockTokens, loRAName: loRAName)
  return query
}
