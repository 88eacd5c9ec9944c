import EPPCore
import NIOCore

/// Loads blocks of prompts from other engines or from the shared storage, and writes to that. Use it on the engine's event loop only.
final class BlockLoader {
  private let options: KVTransferOptions
  private let storage: SharedStorage?
  private unowned let engine: EngineLoop
  private var fetches: [UInt64: (ids: Set<SimulatedRequestID>, fetch: BlockFetch)] = [:]
  private var nextFetch: UInt64 = 0
  private var loaded = 0
  private var failed = 0
  private var lastFailure: String?

  init(_ options: KVTransferOptions, engine: EngineLoop) {
    self.options = options
    self.engine = engine
    storage = options.storage.map(SharedStorage.init)
  }

  // MARK: - Other engines

  /// Fetches the blocks of a prompt from another engine; then calls the engine's `loaded`.
  ///
  /// - Parameters:
  ///   - ids: The requests that wait for the blocks.
  ///   - cachedTokens: Tokens of the prompt that the engine holds.
  func fetch(
    _ ids: [SimulatedRequestID], _ prompt: PromptBlocks, from source: TransferPlan.Source, cachedTokens: Int
  ) {
    nextFetch += 1
    let number = nextFetch
    let (path, body): (String, String)
    if let offer = source.offer {
      path = FetchRequest.path
      let waits = source.waits ? options.timeout : nil
      body = FetchRequest(offer: offer, engineID: source.engineID, waits: waits, cachedTokens: cachedTokens).json
    } else {
      path = ProbeRequest.path
      body = ProbeRequest(hashes: prompt.hashes, cachedTokens: cachedTokens).json
    }
    let fetch = BlockFetch(source.address, path: path, body: body, timeout: options.timeout, on: engine.eventLoop) {
      [weak self] outcome in
      guard let self, let ended = fetches.removeValue(forKey: number) else { return }
      end(ids.filter(ended.ids.contains), prompt, outcome, mayBePart: source.offer == nil)
    }
    fetches[number] = (Set(ids), fetch)
    fetch.start()
  }

  private func end(
    _ ids: [SimulatedRequestID], _ prompt: PromptBlocks, _ outcome: BlockFetch.Outcome, mayBePart: Bool
  ) {
    var tokens: Int?
    switch outcome {
    case .received(let blocks):
      let found = prompt.tokens(in: blocks, blockTokens: engine.options.blockTokens)
      // Real engines do not notice that blocks are those of another prompt, and answer nonsense.
      if mayBePart || found == prompt.tokens {
        tokens = found
      } else {
        lastFailure = "the blocks are of another prompt"
      }
    case .failed(let reason): lastFailure = reason
    }
    if tokens == nil { failed += 1 } else { loaded += 1 }
    engine.loaded(ids, tokens: tokens)
  }

  /// Gives up the fetches of requests whose client has left.
  func cancel(_ ids: [SimulatedRequestID]) {
    for number in Array(fetches.keys) {
      fetches[number]?.ids.subtract(ids)
      if fetches[number]?.ids.isEmpty == true { fetches.removeValue(forKey: number)?.fetch.cancel() }
    }
  }

  /// Gives up all fetches. The loader must not be used afterwards.
  func stop() {
    let open = fetches.values
    fetches.removeAll()
    for entry in open { entry.fetch.cancel() }
  }

  // MARK: - Shared storage

  /// Returns the number of a prompt's tokens that the cache and the storage hold together, and that a request would not compute.
  func storedTokens(of prompt: PromptBlocks) -> Int {
    guard let storage, engine.fault != .loseBlocks else { return 0 }
    let reusable = prompt.hashes.prefix(engine.engine.reusableBlocks(of: prompt))
    let held = reusable.prefix { engine.engine.pool.contains($0) || storage.contains($0) }
    return held.count * engine.options.blockTokens
  }

  /// Reads the blocks of a prompt from the storage; then calls the engine's `loaded`.
  func read(_ ids: [SimulatedRequestID], _ prompt: PromptBlocks, cachedTokens: Int) {
    let stored = max(cachedTokens, storedTokens(of: prompt))
    guard stored > cachedTokens else { return engine.loaded(ids, tokens: 0) }
    let share = Double(stored - cachedTokens) / 1000 * engine.fault.transferSlowness
    loaded += 1
    engine.schedule(in: options.timePerThousandTokens * share) { [weak engine] in engine?.loaded(ids, tokens: stored) }
  }

  /// Writes the blocks of a prompt to the storage.
  func store(_ prompt: PromptBlocks) {
    guard let storage else { return }
    for hash in prompt.hashes where !storage.insert(hash) { lastFailure = "the storage cannot be written" }
  }

  /// Members of the body of `/sim/transfers`.
  var json: String {
    let reason = lastFailure.map(JSONString.quoted) ?? "null"
    return #""loading":\#(fetches.count),"loaded":\#(loaded),"failed":\#(failed),"last_failure":\#(reason)"#
  }
}
