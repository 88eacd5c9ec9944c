import EPPCore
package import EPPPrefixCache
import Synchronization

/// `burst-prefix-cache-producer`: keeps requests with equal prompts that arrive in a burst on one endpoint, so that their prompt is
/// computed once. Any thread may use it; its lock is held for one look-up.
///
/// Where llm-d's plugin holds each request for the window to see the burst, this one assigns those that follow the first, which is
/// not delayed.
package final class BurstProducer: DataProducer, PluginStateReporting {
  /// How much is remembered.
  package struct StateReport: Encodable {
    /// Groups of requests with equal prompts.
    package let groups: Int
  }

  /// What the work of an endpoint is.
  private enum Balance: String, CaseIterable {
    case requests
    case tokens
  }

  // MARK: Parameters

  private static let window = TypedParameter<Int>.integer(
    "windowDurationMs", 1...3_600_000, default: 100, "The longest time between two requests of a group, in milliseconds"
  )
  private static let perEndpoint = TypedParameter<Int>.integer(
    "maxPerReplica", -1...1_000_000, default: -1, "Requests of a group that an endpoint gets; -1 for all of them")
  private static let blockSize = TypedParameter<Int?>.integer(
    "blockSizeTokens", 1...1_000_000, "Has no effect: text is matched in blocks of 64 tokens")
  private static let colocated = TypedParameter<Int>.integer(
    "minColocateBlocks", 0...1_000_000, default: 0,
    "Leading blocks that groups have in common to be kept together; 0 keeps none together")
  private static let batchSize = TypedParameter<Int>.integer(
    "maxBatchSize", 1...1_000_000, default: 1000, "Groups that are remembered at most")
  private static let balance = TypedParameter<Balance>.word(
    "balanceBy", default: .requests, "What the work of an endpoint is")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "burst-prefix-cache-producer", "Keeps requests with equal prompts that arrive together on one endpoint",
    parameters: [
      window.declaration, perEndpoint.declaration, blockSize.declaration,
      PluginParameter(
        "maxPrefixTokensToMatch", .ignored(because: "prompts are equal as far as the prefix index looks them up"),
        "Has no effect: see maxPrefixTokensToMatch of \(PrefixSettings.descriptor.type)"),
      colocated.declaration, batchSize.declaration, balance.declaration,
    ],
    check: { check in
      if check.arguments[perEndpoint] == 0 { check.report("maxPerReplica is 1 or more, or -1", at: perEndpoint.key) }
      if let tokens = check.arguments[blockSize], tokens != 64 {
        check.note("'\(blockSize.key)' of \(check.type) has no effect: text is matched in blocks of 64 tokens")
      }
    },
    parts: [.dataProducer { arguments, _ in BurstProducer(arguments) }])

  private let colocatedBlocks: Int?
  private let bursts: Mutex<PromptBursts>

  private init(_ arguments: PluginArguments) {
    let perEndpoint = arguments[Self.perEndpoint]
    let colocated = arguments[Self.colocated]
    colocatedBlocks = colocated > 0 ? colocated : nil
    bursts = Mutex(
      PromptBursts(
        PromptBursts.Limits(
          window: .milliseconds(arguments[Self.window]), membersPerEndpoint: perEndpoint > 0 ? perEndpoint : nil,
          groups: arguments[Self.batchSize],
          countsTokens: arguments[Self.balance] == .tokens)))
  }

  package func stateReport() -> StateReport { StateReport(groups: bursts.withLock { $0.count }) }

  package func produce(
    _ context: borrowing SchedulingContext, _ prompt: inout PrefixQuery, into match: inout ProducedMatch
  ) {
    match.setNothing()
    guard let prompt = identity(of: &prompt, tokens: context.request.promptTokens) else { return }
    let (candidates, now) = (context.slots, context.now)
    if let slot = bursts.withLock({ $0.assignment(of: prompt, among: candidates, now: now) }) {
      match.setWhole(slot, tokens: prompt.tokens)
    }
  }

  package func picked(
    _ pick: borrowing PickedRequest, _ context: borrowing SchedulingContext, _ prompt: inout PrefixQuery,
    _ effects: inout PickEffects
  ) {
    guard let prompt = identity(of: &prompt, tokens: pick.request.promptTokens) else { return }
    let slot = pick.others.first { $0.stage == .prefill }?.endpoint.slot ?? pick.endpoint.slot
    let now = pick.now
    bursts.withLock { $0.note(prompt, at: slot, now: now) }
  }

  /// The prompt as groups see it; nil for one without a full block.
  private func identity(of prompt: inout PrefixQuery, tokens: Int) -> PromptBursts.Prompt? {
    prompt.finish()
    guard let whole = prompt.key(ofBlock: prompt.blockCount - 1) else { return nil }
    let leading = colocatedBlocks.flatMap { prompt.key(ofBlock: $0 - 1) }
    return PromptBursts.Prompt(whole: whole, leading: leading, tokens: tokens)
  }
}
