import EPPCore
import EngineSimulator

/// Runs an engine on a clock of its own: goes from deadline to deadline and notes what comes out.
struct EngineDriver {
  /// A token that came out.
  struct Event: Equatable {
    /// Milliseconds since the start.
    var at: Double
    var request: UInt64
    var usage: TokenUsage
    var finish: SimulatedRequest.FinishReason?
  }

  private(set) var engine: SimulatedEngine
  private(set) var events: [Event] = []
  private(set) var answers: [UInt64: [UInt32]] = [:]
  /// Changes of the cache, a list for each step that made any.
  private(set) var batches: [[CacheEvent]] = []
  private(set) var rejections: [UInt64: SimulatedEngineAction.Rejection] = [:]
  /// Blocks that requests hold after their end.
  private(set) var held: [UInt64: (blocks: [Int], prompt: PromptBlocks)] = [:]
  /// Prompts that are to be stored.
  private(set) var stored: [PromptBlocks] = []
  /// Requests that ended with an error.
  private(set) var failures: [UInt64] = []
  private(set) var now = MonotonicTime(nanoseconds: Self.start)

  private static let start: UInt64 = 1_000_000_000

  init(_ change: (inout EngineOptions) -> Void = { _ in }) {
    var options = EngineOptions()
    change(&options)
    engine = SimulatedEngine(options: options)
  }

  /// Milliseconds since the start.
  var milliseconds: Double { Double(now.nanoseconds - Self.start) / 1e6 }

  /// Sends a prompt of so many tokens. Prompts with the same seed begin alike.
  mutating func send(
    _ number: UInt64, tokens: Int, seed: String = "a", output: Int = 1, adapter: String? = nil, salt: String? = nil
  ) {
    send(number, prompt: Self.prompt(tokens: tokens, seed: seed), output: output, adapter: adapter, salt: salt)
  }

  mutating func send(
    _ number: UInt64, prompt: [UInt32], output: Int = 1, adapter: String? = nil, salt: String? = nil,
    answer: [UInt32] = []
  ) {
    let namespace = CacheNamespace(adapter: adapter.map { LoadedAdapter(name: $0, path: $0) }, salt: salt)
    note(
      engine.submit(
        SimulatedRequest(
          id: SimulatedRequestID(number), prompt: prompt, outputTokens: output, namespace: namespace, answer: answer),
        at: now))
  }

  /// Sends a request that waits for blocks, holds them, or reports them.
  mutating func send(
    _ number: UInt64, tokens: Int, output: Int = 1, _ change: (inout SimulatedRequest) -> Void
  ) {
    var request = SimulatedRequest(
      id: SimulatedRequestID(number), prompt: Self.prompt(tokens: tokens, seed: "a"), outputTokens: output)
    change(&request)
    note(engine.submit(request, at: now))
  }

  /// Lets a request go on with blocks that have come.
  mutating func load(_ number: UInt64, tokens: Int?) {
    note(engine.load(SimulatedRequestID(number), tokens: tokens, at: now))
  }

  /// Ends a request whose blocks do not come.
  mutating func failLoad(_ number: UInt64) { note(engine.failLoad(SimulatedRequestID(number), at: now)) }

  /// Ends the use of a request's blocks.
  mutating func release(_ number: UInt64) { note(engine.release(held[number]?.blocks ?? [], at: now)) }

  /// So many tokens, in which no block is like another, and no block is found in a prompt with another seed.
  static func prompt(tokens: Int, seed: String) -> [UInt32] {
    let number = seed.utf8.reduce(0) { ($0 * 31 + UInt32($1)) % 4000 }
    return (0..<UInt32(tokens)).map { number * 1_000_000 + $0 }
  }

  mutating func leave(_ number: UInt64) { note(engine.cancel(SimulatedRequestID(number), at: now)) }

  /// Lets time pass, stopping at every deadline of the engine.
  mutating func run(milliseconds: Double) {
    let end = now.advanced(by: .nanoseconds(Int64(milliseconds * 1e6)))
    while let deadline = engine.nextDeadline, deadline <= end {
      now = max(now, deadline)
      note(engine.advance(to: now))
    }
    now = end
  }

  /// Lets time pass until nothing is left to do.
  mutating func runToEnd() {
    while let deadline = engine.nextDeadline {
      now = max(now, deadline)
      note(engine.advance(to: now))
    }
  }

  mutating func change(_ work: (inout SimulatedEngine, MonotonicTime) -> Void) { work(&engine, now) }

  /// When a request's tokens came.
  func times(_ number: UInt64) -> [Double] { events.filter { $0.request == number }.map(\.at) }

  /// Tokens of a request's prompt that were cached; nil before its first token.
  func cached(_ number: UInt64) -> Int? { events.last { $0.request == number }?.usage.cachedTokens }

  private mutating func note(_ actions: [SimulatedEngineAction]) {
    for action in actions {
      switch action {
      case .emit(let id, let token, let usage, let finish):
        events.append(Event(at: milliseconds, request: id.number, usage: usage, finish: finish))
        answers[id.number, default: []].append(token)
      case .publish(let changes): batches.append(changes)
      case .reject(let id, let reason): rejections[id.number] = reason
      case .hold(let id, let blocks, let prompt): held[id.number] = (blocks, prompt)
      case .store(let prompt): stored.append(prompt)
      case .fail(let id): failures.append(id.number)
      }
    }
  }
}
