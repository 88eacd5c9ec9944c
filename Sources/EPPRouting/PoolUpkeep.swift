import EPPScheduling
package import EPPCore
import EPPMetrics
import EPPPrefixCache
import Synchronization

/// Periodic work for a pool, about once a second: passes cache sizes from engines' metrics pages to the index, checks the
/// engines' cache counters, and updates the index's metrics. `run` is for one thread at a time.
package final class PoolUpkeep: Sendable {
  /// Values of an endpoint's metrics page that have been passed on.
  private struct Adopted {
    var slot: EndpointSlot
    var capacityTokens: Int?
    var blockTokens: Int?
    var startTime: Double?
  }

  private struct State {
    var adopted = [Adopted?](repeating: nil, count: EndpointSlot.capacity)
    /// Refusals of the index that the metric already contains.
    var countedRefusals = 0
  }

  private let pipeline: RequestPipeline
  private let source: any PoolSnapshotSource
  private let index: PrefixIndex
  private let verifier: CacheVerifier
  private let indexSeries: PickerMetrics.PrefixIndexerSeries
  private let state = Mutex(State())

  init(
    pipeline: RequestPipeline, source: any PoolSnapshotSource, index: PrefixIndex, verifier: CacheVerifier,
    indexSeries: PickerMetrics.PrefixIndexerSeries
  ) {
    self.pipeline = pipeline
    self.source = source
    self.index = index
    self.verifier = verifier
    self.indexSeries = indexSeries
    indexSeries.limit.set(index.limits.maximumBytes)
  }

  /// Does the periodic work. Waits for the index's writer.
  package func run(now: MonotonicTime) {
    index.maintain(now: now)
    let settings = pipeline.configuration.settings
    let snapshot = source.currentSnapshot()
    for producer in pipeline.configuration.scheduler.producers { producer.upkeep(snapshot, now: now) }
    for member in snapshot.members {
      adopt(member, capacityTokens: settings.prefix.cacheTokens(member.metrics))
      verifier.checkCounters(of: member)
    }
    let statistics = index.currentStatistics()
    indexSeries.size.set(statistics.pairs)
    indexSeries.blocks.set(statistics.blocks)
    indexSeries.bytes.set(statistics.bytes)
    let refusals = state.withLock { state in
      defer { state.countedRefusals = max(state.countedRefusals, statistics.refused) }
      return max(0, statistics.refused - state.countedRefusals)
    }
    indexSeries.refusals.increment(by: refusals)
  }

  /// Passes on changed values of an endpoint's metrics page.
  private func adopt(_ member: PoolSnapshot.Member, capacityTokens: Int) {
    let slot = member.endpoint.slot
    let before = state.withLock { state in
      let before = state.adopted[slot.index].flatMap { $0.slot == slot ? $0 : nil } ?? Adopted(slot: slot)
      state.adopted[slot.index] = Adopted(
        slot: slot, capacityTokens: capacityTokens, blockTokens: member.metrics.cacheBlockTokens ?? before.blockTokens,
        startTime: member.metrics.processStartTime ?? before.startTime)
      return before
    }
    if before.capacityTokens != capacityTokens { index.setCapacity(tokens: capacityTokens, of: slot) }
    if let tokens = member.metrics.cacheBlockTokens, tokens != before.blockTokens {
      index.setBlockTokens(tokens, of: slot)
    }
    if let time = member.metrics.processStartTime, time != before.startTime { verifier.noteStart(of: slot, at: time) }
  }
}
