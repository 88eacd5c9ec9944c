import EPPCore
import EPPMetrics
import EPPPrefixCache
import Synchronization

/// What routing keeps for each endpoint of the pool, by slot: its metric series and the cache size that was adopted.
final class EndpointTable: Sendable {
  private struct Entry {
    var slot: EndpointSlot
    var series: EndpointSeries
    var capacityTokens: Int?
    var blockTokens: Int?
    var startTime: Double?
    /// Whether its answers name cached tokens (vLLM's `--enable-prompt-tokens-details`).
    var givesDetails = false
    var check = PredictionCheck()
    var counterCheck = EngineCounterCheck()
  }

  private let entries = Mutex<[Entry?]>(Array(repeating: nil, count: EndpointSlot.capacity))
  private let metrics: PickerMetrics

  init(metrics: PickerMetrics) { self.metrics = metrics }

  /// Where a request for an endpoint is counted.
  func place(of member: PoolSnapshot.Member, fairnessID: String) -> InFlightRequest.Place {
    let series = series(of: member.endpoint)
    return InFlightRequest.Place(
      slot: member.endpoint.slot, load: member.load, series: series,
      gauges: series.inFlight(fairnessID: fairnessID, priority: 0), destination: member.destination)
  }

  /// Notes the size of an endpoint's cache; whether it differs from what was noted before.
  func adoptCapacity(_ tokens: Int, of endpoint: Endpoint) -> Bool {
    _ = series(of: endpoint)
    return entries.withLock { entries in
      guard let entry = entries[endpoint.slot.index], entry.slot == endpoint.slot, entry.capacityTokens != tokens else {
        return false
      }
      entries[endpoint.slot.index]?.capacityTokens = tokens
      return true
    }
  }

  /// Notes the size of an endpoint's blocks; whether it differs from what was noted before.
  func adoptBlockTokens(_ tokens: Int, of endpoint: Endpoint) -> Bool {
    entries.withLock { entries in
      guard let entry = entries[endpoint.slot.index], entry.slot == endpoint.slot, entry.blockTokens != tokens else {
        return false
      }
      entries[endpoint.slot.index]?.blockTokens = tokens
      return true
    }
  }

  /// Notes when an endpoint's process was started; whether that differs from what was noted before.
  func adoptStart(_ time: Double, of endpoint: Endpoint) -> Bool {
    entries.withLock { entries in
      guard let entry = entries[endpoint.slot.index], entry.slot == endpoint.slot, entry.startTime != time else {
        return false
      }
      entries[endpoint.slot.index]?.startTime = time
      // It may have been started with other flags.
      entries[endpoint.slot.index]?.givesDetails = false
      return true
    }
  }

  /// Holds what was predicted of an endpoint's cache against its engine's counters, once a second.
  func checkCounters(of member: PoolSnapshot.Member) -> EngineCounterCheck.Verdict? {
    guard let queried = member.metrics.prefixCacheQueriedTokens, let hits = member.metrics.prefixCacheHitTokens,
      !member.isStale
    else { return nil }
    return entries.withLock { entries in
      let index = member.endpoint.slot.index
      guard let entry = entries[index], entry.slot == member.endpoint.slot else { return nil }
      let series = entry.series
      let verdict = entries[index]?.counterCheck.note(
        EngineCounterCheck.Reading(
          engineQueried: queried, engineHits: hits, sent: Int(clamping: series.prefixQueriedTokens.value),
          exact: Int(clamping: series.prefixExactTokens.value),
          predicted: Int(clamping: series.prefixHitTokensPredicted.value),
          announced: Int(clamping: series.prefixAnnouncedTokens.value)))
      switch verdict {
      case .right(let error), .wrong(let error, _): series.counterError.set(error)
      case .nothingMatches: series.unmatchedWindows.increment()
      case nil: break
      }
      return verdict
    }
  }

  /// Holds what was predicted of an endpoint's cache against what its engine reports.
  func check(
    predicted: Int, reported: Int, blockTokens: Int, seesPicks: Bool, of slot: EndpointSlot
  ) -> PredictionCheck.Verdict? {
    entries.withLock { entries in
      guard entries[slot.index]?.slot == slot else { return nil }
      return entries[slot.index]?.check.note(
        predicted: predicted, reported: reported, blockTokens: blockTokens, seesPicks: seesPicks)
    }
  }

  /// The cached tokens of a chat's or a completion's answer. An engine that names them leaves them out where there are none
  /// (vLLM 0.22).
  func cachedTokens(_ usage: TokenUsage, of slot: EndpointSlot) -> Int? {
    entries.withLock { entries in
      guard entries[slot.index]?.slot == slot else { return usage.cachedTokens }
      if let cached = usage.cachedTokens {
        entries[slot.index]?.givesDetails = true
        return cached
      }
      return usage.promptTokens != nil && entries[slot.index]?.givesDetails == true ? 0 : nil
    }
  }

  func remove(_ endpoint: Endpoint) {
    entries.withLock { entries in
      guard let entry = entries[endpoint.slot.index], entry.slot == endpoint.slot else { return }
      entries[endpoint.slot.index] = nil
      // An endpoint whose address has changed has a new slot and the same labels: its series stay.
      if !entries.contains(where: { $0?.series === entry.series }) { metrics.removeEndpointSeries(for: endpoint) }
    }
  }

  private func series(of endpoint: Endpoint) -> EndpointSeries {
    let known = entries.withLock { entries in
      let entry = entries[endpoint.slot.index]
      return entry?.slot == endpoint.slot ? entry?.series : nil
    }
    if let known { return known }
    // Within the lock, so that series are not taken off the page between their look-up and their entry here.
    return entries.withLock { entries in
      let made = metrics.endpointSeries(for: endpoint)
      entries[endpoint.slot.index] = Entry(slot: endpoint.slot, series: made, capacityTokens: nil)
      return made
    }
  }
}
