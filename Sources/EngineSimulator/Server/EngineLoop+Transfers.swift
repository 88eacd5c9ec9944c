import EPPCore

/// Blocks that requests offer to other engines, and blocks for which they wait.
extension EngineLoop {
  /// Returns the usage of each answer when the engine holds less of a prompt than the client wants it to; nil when it holds enough.
  func usagesBelowThreshold(_ request: GenerationRequest, adapter: LoadedAdapter?) -> [TokenUsage]? {
    guard let plan = request.transfer, let threshold = plan.threshold else { return nil }
    let namespace = CacheNamespace(adapter: adapter, salt: request.cacheSalt)
    var usages: [TokenUsage] = []
    var isBelow = false
    for prompt in request.prompts {
      let blocks = engine.promptBlocks(of: prompt, namespace: namespace)
      let stored = plan.usesStorage ? loader?.storedTokens(of: blocks) ?? 0 : 0
      let held = max(engine.cachedTokens(of: blocks), stored)
      isBelow = isBelow || Double(held) < threshold * Double(prompt.count)
      let usage = TokenUsage(promptTokens: prompt.count, completionTokens: 0, cachedTokens: held)
      usages += Array(repeating: usage, count: request.answersPerPrompt)
    }
    return isBelow ? usages : nil
  }

  /// Enters in a request to the engine what is done with its blocks.
  ///
  /// - Parameters:
  ///   - position: The position of the prompt. As the response names one transfer, only the first prompt's blocks are transferred.
  ///   - isFirst: Whether it is the first answer to the prompt.
  ///   - name: The engine's name of the request.
  func planTransfer(
    of request: GenerationRequest, position: Int, isFirst: Bool, name: String, _ simulated: inout SimulatedRequest
  ) {
    guard let plan = request.transfer else { return }
    simulated.reportsPrompt = plan.usesStorage
    simulated.awaitsBlocks = plan.usesStorage || position == 0 && plan.source != nil
    guard position == 0, isFirst, let offer = plan.offer else { return }
    simulated.holdsBlocks = true
    switch offer {
    // As in vLLM, a request that is sent again has another name.
    case .request: offers[simulated.id] = "\(name)-\(String(UInt32.random(in: 0 ... .max), radix: 16))"
    case .named(let name): offers[simulated.id] = name
    }
  }

  /// Loads the blocks of requests with the same prompt.
  func load(_ ids: [SimulatedRequestID], _ plan: TransferPlan) {
    guard let first = ids.first, let loader, let prompt = engine.promptBlocks(of: first) else { return }
    let cached = engine.cachedTokens(of: prompt)
    if let source = plan.source {
      loader.fetch(ids, prompt, from: source, cachedTokens: cached)
    } else if plan.usesStorage {
      loader.read(ids, prompt, cachedTokens: cached)
    }
  }

  /// Goes on with requests that have waited for blocks.
  ///
  /// - Parameter tokens: Tokens of the prompt whose blocks have come; nil when they could not be loaded.
  func loaded(_ ids: [SimulatedRequestID], tokens: Int?) {
    for id in ids {
      if tokens == nil, options.kvTransfer?.failsRequests == true {
        perform(engine.failLoad(id, at: Self.now))
      } else {
        perform(engine.load(id, tokens: tokens, at: Self.now))
      }
    }
  }

  /// Offers the blocks of a request that has ended.
  func offer(_ id: SimulatedRequestID, _ blocks: [Int], _ prompt: PromptBlocks) {
    guard let name = offers.removeValue(forKey: id), let sender else {
      return perform(engine.release(blocks, at: Self.now))
    }
    if options.kvTransfer?.connector == .nixlv2 {
      tell(id, transferParameters: sender.parameters(name, blocks, prompt))
    }
    sender.offer(name, blocks, prompt)
  }

  /// Ends the transfers of requests whose client has left.
  func endTransfers(of ids: [SimulatedRequestID]) {
    loader?.cancel(ids)
    for id in ids {
      if let name = offers.removeValue(forKey: id) { sender?.abandon(name) }
    }
  }

  /// Returns the member `ec_transfer_params` of an encode engine's answer; nil when it says nothing.
  func encoderParameters(_ items: [String]) -> String? {
    guard options.encoderConnector == .nixl, let address else { return nil }
    return EncoderAnswer.json(items, host: address.host, port: Int(address.port))
  }

  /// The body of `/sim/transfers`; nil on an engine that works alone.
  var transfersJSON: String? {
    guard let sender, let loader else { return nil }
    return "{\(sender.json),\(loader.json)}"
  }
}

extension KVTransferOptions {
  /// Whether a request whose blocks cannot be loaded ends with an error.
  fileprivate var failsRequests: Bool { loadFailurePolicy == .fail && connector != .offloading }
}
