import EPPCore
import EPPPrefixCache
import Testing

/// Real engines' messages, applied to the index between the requests that caused them.
@Suite struct CapturedResidencyTests {
  private let slot = EndpointSlot(index: 5, generation: 3)

  /// What the index says of the tokens that an engine will not compute again: whole blocks, and never the last token.
  private func predicted(_ request: CapturedRequest, _ index: PrefixIndex, _ blockTokens: Int) -> Int {
    var match = PrefixMatch()
    var sum = 0
    for tokens in request.prompts ?? [] where !tokens.isEmpty {
      var query = tokenQuery(
        tokens, blockTokens: blockTokens, salt: request.salt, loRAName: request.model == "tiny" ? nil : request.model)
      index.match(&query, into: &match)
      sum += min(match.matchedTokens(slot), (tokens.count - 1) / blockTokens * blockTokens)
    }
    return sum
  }

  @Test(arguments: Capture.names)
  func whatIsPredictedIsWhatTheEngineReported(_ name: String) throws {
    let messages = Dictionary(grouping: try Capture.read(name), by: \.seq)
    let requests = try CapturedRequest.read(name)
    let index = PrefixIndex()
    let blockTokens = name.hasSuffix("block16") ? 16 : 32
    var batch = KVEventBatch()
    var isCleared = false
    var compared = 0
    for request in requests {
      if request.path == "/reset_prefix_cache" { isCleared = true }
      if let reported = request.cachedTokens {
        // A cleared cache is announced with the next request's messages: until then it cannot be known.
        let expected = isCleared ? 0 : predicted(request, index, blockTokens)
        #expect(reported == expected, "\(request.capture)")
        compared += 1
      }
      for number in request.frames {
        isCleared = false
        for message in messages[number] ?? [] {
          try unsafe KVEventDecoder().decode(message.bytes.span.bytes, into: &batch)
          let counts = index.apply(batch, from: slot)
          #expect(counts.unknown == 0 && counts.orphaned == 0 && counts.notIndexed == 0 && counts.refused == 0)
        }
      }
    }
    #expect(compared > 2)
  }

  /// Counts copies by hash as the messages' JSON tells, and compares the index with it after every message.
  @Test(arguments: Capture.names)
  func theIndexHoldsTheBlocksThatTheMessagesImply(_ name: String) throws {
    let index = PrefixIndex()
    var batch = KVEventBatch()
    var copies: [String: Int] = [:]
    for message in try Capture.read(name) {
      for event in message.events {
        switch event.type {
        case "BlockStored": for hash in event.hashes ?? [] { copies[hash, default: 0] += 1 }
        case "BlockRemoved": for hash in event.hashes ?? [] { copies[hash, default: 0] -= 1 }
        default: copies = [:]
        }
      }
      copies = copies.filter { $0.value > 0 }
      try unsafe KVEventDecoder().decode(message.bytes.span.bytes, into: &batch)
      index.apply(batch, from: slot)
      #expect(index.currentStatistics().pairs == copies.count)
    }
    index.resetEvents(from: slot)
    #expect(index.currentStatistics().pairs == 0)
  }
}
