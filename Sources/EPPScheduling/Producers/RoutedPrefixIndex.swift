import EPPCore
import EPPPrefixCache
import Synchronization

/// An index of routed prompts for a producer that assumes other sizes of engines' caches than the pool's index, such as that of a
/// second tier in the memory of hosts. Any thread may use it.
final class RoutedPrefixIndex: DataProducer, PluginStateReporting {
  /// The size of the index.
  struct StateReport: Encodable {
    /// Pairs of a block and an endpoint.
    let blocks: Int
    /// Memory in bytes.
    let bytes: Int
  }

  private let settings: PrefixSettings
  private let index: PrefixIndex
  /// The endpoints of the last upkeep, with the sizes of their caches in tokens.
  private let known = Mutex<[EndpointSlot: Int]>([:])

  /// An empty index.
  init(_ settings: PrefixSettings, _ environment: PluginEnvironment) {
    self.settings = settings
    var limits = PrefixIndex.Limits()
    limits.defaultBlocks = max(1, settings.defaultTokens / limits.textBlockTokens)
    // The keys of the prompt are those of the pool's index, so that they are computed once.
    index = PrefixIndex(limits: limits, hasher: BlockHasher(seed: environment.seed))
  }

  func stateReport() -> StateReport {
    let statistics = index.currentStatistics()
    return StateReport(blocks: statistics.pairs, bytes: statistics.bytes)
  }

  func produce(
    _ context: borrowing SchedulingContext, _ prompt: inout PrefixQuery, into match: inout ProducedMatch
  ) {
    if prompt.blockCount > 0 { match.setMatch(in: index, &prompt) } else { match.setNothing() }
  }

  func picked(
    _ pick: borrowing PickedRequest, _ context: borrowing SchedulingContext, _ prompt: inout PrefixQuery,
    _ effects: inout PickEffects
  ) {
    guard prompt.blockCount > 0 else { return }
    let computing = pick.others.first { $0.stage == .prefill }?.endpoint.slot
    if let computing { _ = index.record(&prompt, at: computing) }
    let record = index.record(&prompt, at: pick.endpoint.slot)
    effects.followers.append(Follower(index, record))
  }

  func upkeep(_ snapshot: PoolSnapshot, now: MonotonicTime) {
    index.maintain(now: now)
    var sizes: [EndpointSlot: Int] = [:]
    for member in snapshot.members { sizes[member.endpoint.slot] = settings.cacheTokens(member.metrics) }
    let before = known.withLock { known in
      defer { known = sizes }
      return known
    }
    for slot in before.keys where sizes[slot] == nil { index.remove(slot) }
    for (slot, tokens) in sizes where before[slot] != tokens { index.setCapacity(tokens: tokens, of: slot) }
  }

  /// Corrects the entry of a request by its answer.
  private final class Follower: RequestFollower {
    private let index: PrefixIndex
    private var record: PickRecord

    init(_ index: PrefixIndex, _ record: PickRecord) {
      self.index = index
      self.record = record
    }

    func responseStarted(_ answer: inout AnswerStart) {
      if let status = answer.status, status >= 400 {
        // Nothing was computed, so nothing is in the engine's cache.
        index.forget(record)
      } else if let served = answer.served {
        if served != record.slot { record = index.move(record, to: served) }
      } else if answer.servedAddress != nil {
        // Served outside of the pool.
        index.forget(record)
      }
    }
  }
}
