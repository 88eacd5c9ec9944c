import EPPCore
import NIOCore

/// Holds the blocks that an engine offers, and answers other engines that fetch them. Use it on the engine's event loop only.
///
/// The time of a transfer passes before the answer, so that an engine that stops meanwhile has sent nothing.
final class BlockSender {
  /// The response to a request of another engine.
  typealias Reply = (_ status: Int, _ json: String) -> Void

  /// The engine's id, which changes with every start.
  let engineID: String
  /// The side channel as other engines reach it; nil before its port is open.
  var address: EndpointAddress?

  private let options: KVTransferOptions
  private unowned let engine: EngineLoop
  private var ledger = TransferLedger()
  private var replies: [TransferLedger.FetchID: (cachedTokens: Int, reply: Reply)] = [:]
  private var nextFetch: UInt64 = 0
  private var timer: (deadline: MonotonicTime, scheduled: Scheduled<Void>)?

  init(_ options: KVTransferOptions, engine: EngineLoop) {
    self.options = options
    self.engine = engine
    engineID = Self.randomID()
  }

  private static func randomID() -> String {
    func digits(_ count: Int) -> String {
      String((0..<count).map { _ in "0123456789abcdef".randomElement() ?? "0" })
    }
    return [8, 4, 4, 4, 12].map(digits).joined(separator: "-")
  }

  // MARK: - Offers

  /// Returns the member `kv_transfer_params` with which vLLM's NixlConnector tells where blocks are.
  func parameters(_ name: String, _ blocks: [Int], _ prompt: PromptBlocks) -> String {
    let ids = blocks.map(String.init).joined(separator: ",")
    return """
      {"do_remote_prefill":true,"do_remote_decode":false,"remote_block_ids":[[\(ids)]],\
      "remote_engine_id":\(JSONString.quoted(engineID)),"remote_request_id":\(JSONString.quoted(name)),\
      "remote_host":\(JSONString.quoted(address?.host ?? "")),"remote_port":\(address?.port ?? 0),"tp_size":1,"dcp_size":1,\
      "pp_size":1,"remote_num_tokens":\(prompt.tokens),"remote_blocks_expiry_time":null}
      """
  }

  /// Offers blocks until somebody has fetched them, or until their lease ends.
  func offer(_ name: String, _ blocks: [Int], _ prompt: PromptBlocks) {
    perform(ledger.offer(name, prompt, held: blocks, until: EngineLoop.now.advanced(by: options.lease)))
  }

  /// Ends the waiting for blocks that will not be computed.
  func abandon(_ name: String) { perform(ledger.abandon(name)) }

  // MARK: - Requests of other engines

  /// Answers a request for blocks; `interrupted` ends it.
  func fetch(_ request: FetchRequest, _ reply: @escaping Reply) -> TransferLedger.FetchID {
    nextFetch += 1
    let id = TransferLedger.FetchID(nextFetch)
    replies[id] = (request.cachedTokens, reply)
    let now = EngineLoop.now
    if engine.fault == .loseBlocks || request.engineID.map({ $0 != engineID }) == true {
      perform(ledger.lose(id))
    } else {
      perform(
        ledger.advance(to: now) + ledger.fetch(id, request.offer, until: request.waits.map { now.advanced(by: $0) }))
    }
    return id
  }

  /// Answers a request for the blocks of a prompt that are in the engine's cache.
  func probe(_ request: ProbeRequest, _ reply: @escaping Reply) {
    let found = engine.fault == .loseBlocks ? 0 : engine.engine.pool.match(request.hashes).found
    let answer = PromptBlocks(hashes: Array(request.hashes[..<found]), tokens: found * engine.options.blockTokens)
    engine.schedule(in: time(of: answer.tokens - request.cachedTokens)) { reply(200, answer.json) }
  }

  /// The engine that has sent a request is gone.
  func interrupted(_ fetch: TransferLedger.FetchID) {
    replies[fetch] = nil
    ledger.interrupted(fetch)
    perform(ledger.advance(to: EngineLoop.now))
  }

  /// The answer to `GET /query` of a bootstrap server: the engines by their data-parallel rank, of which there is one.
  var bootstrapJSON: String {
    let worker = JSONString.quoted("tcp://\(address?.description ?? "")")
    return #"{"0":{"engine_id":\#(JSONString.quoted(engineID)),"worker_addr":{"0":{"0":\#(worker)}}}}"#
  }

  // MARK: - Actions

  private func time(of tokens: Int) -> Duration {
    options.timePerThousandTokens * (Double(max(0, tokens)) / 1000 * engine.fault.transferSlowness)
  }

  private func perform(_ actions: [TransferLedger.Action]) {
    for action in actions {
      switch action {
      case .send(let fetch, let blocks): send(blocks, to: fetch)
      case .refuse(let fetch, let reason):
        replies.removeValue(forKey: fetch)?.reply(404, #"{"error":\#(JSONString.quoted(reason.rawValue))}"#)
      case .release(let blocks): engine.perform(engine.engine.release(blocks, at: EngineLoop.now))
      }
    }
    setTimer()
  }

  private func send(_ blocks: PromptBlocks, to fetch: TransferLedger.FetchID) {
    guard let pending = replies[fetch] else { return }
    engine.schedule(in: time(of: blocks.tokens - pending.cachedTokens)) { [weak self] in
      guard let self, let pending = replies.removeValue(forKey: fetch) else { return }
      pending.reply(200, blocks.json)
      perform(ledger.completed(fetch))
    }
  }

  private func setTimer() {
    let deadline = ledger.nextDeadline
    if timer?.deadline == deadline { return }
    timer?.scheduled.cancel()
    timer = deadline.map { deadline in
      let scheduled = engine.eventLoop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(deadline.nanoseconds))
      {
        self.timer = nil
        self.perform(self.ledger.advance(to: EngineLoop.now))
      }
      return (deadline, scheduled)
    }
  }

  /// Cancels the timer. The sender must not be used afterwards.
  func stop() {
    timer?.scheduled.cancel()
    timer = nil
  }

  /// Members of the body of `/sim/transfers`.
  var json: String {
    """
    "engine_id":\(JSONString.quoted(engineID)),"host":\(JSONString.quoted(address?.host ?? "")),\
    "port":\(address?.port ?? 0),"offered":\(ledger.offered),"waiting":\(ledger.waiting),"sent":\(ledger.sent),\
    "expired":\(ledger.expired),"refused":\(ledger.refused)
    """
  }
}
