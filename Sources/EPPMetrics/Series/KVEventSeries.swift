/// Counters of KV events over all engines. Any thread may write to them.
package struct KVEventSeries: Sendable {
  /// `epp_kv_events_messages_total{outcome="applied"}`: messages applied to the prefix index.
  package let applied: Counter
  /// `epp_kv_events_messages_total{outcome="duplicate"}`: messages that had been applied already.
  package let duplicate: Counter
  /// `epp_kv_events_messages_total{outcome="postponed"}`: messages dropped while a replay ran and the buffer was full; the next
  /// replay brings them.
  package let postponed: Counter
  /// `epp_kv_events_messages_total{outcome="unreadable"}`: messages that could not be decoded.
  package let unreadable: Counter
  /// `epp_kv_events_messages_total{outcome="misdirected"}`: messages whose topic names another endpoint, or none of the pool.
  package let misdirected: Counter

  /// `epp_kv_events_blocks_total{outcome="stored"}`: copies of blocks that were added.
  package let stored: Counter
  /// `epp_kv_events_blocks_total{outcome="removed"}`: copies of blocks that were removed.
  package let removed: Counter
  /// `epp_kv_events_blocks_total{outcome="orphaned"}`: blocks stored after a parent that is not known.
  package let orphaned: Counter
  /// `epp_kv_events_blocks_total{outcome="adopted"}`: blocks stored before the events were followed, and identified by a
  /// prompt's tokens.
  package let adopted: Counter
  /// `epp_kv_events_blocks_total{outcome="unknown"}`: removals of blocks that were not known.
  package let unknown: Counter
  /// `epp_kv_events_blocks_total{outcome="not_indexed"}`: blocks of cache groups that are not indexed.
  package let notIndexed: Counter
  /// `epp_kv_events_blocks_total{outcome="refused"}`: blocks not added for lack of memory.
  package let refused: Counter
  /// `epp_kv_events_clears_total`: announcements that a whole cache is empty.
  package let clears: Counter

  /// `epp_kv_events_replays_total{outcome="complete"}`.
  package let completeReplays: Counter
  /// `epp_kv_events_replays_total{outcome="broken_off"}`.
  package let brokenReplays: Counter
  /// `epp_kv_events_replays_total{outcome="excessive"}`.
  package let excessiveReplays: Counter

  private let cache: CacheFamilies
  private let streams: MetricFamily<Gauge>

  init(_ families: MetricFamilies.KVEventFamilies, _ cache: CacheFamilies) {
    self.cache = cache
    applied = families.messages.cell(["applied"])
    duplicate = families.messages.cell(["duplicate"])
    postponed = families.messages.cell(["postponed"])
    unreadable = families.messages.cell(["unreadable"])
    misdirected = families.messages.cell(["misdirected"])
    stored = families.blocks.cell(["stored"])
    removed = families.blocks.cell(["removed"])
    orphaned = families.blocks.cell(["orphaned"])
    adopted = families.blocks.cell(["adopted"])
    unknown = families.blocks.cell(["unknown"])
    notIndexed = families.blocks.cell(["not_indexed"])
    refused = families.blocks.cell(["refused"])
    clears = families.clears.cell([])
    completeReplays = families.replays.cell(["complete"])
    brokenReplays = families.replays.cell(["broken_off"])
    excessiveReplays = families.replays.cell(["excessive"])
    streams = families.streams
  }

  // What llm-d calls by other names is absent until there is an engine to follow.

  /// `llm_d_epp_kv_cache_index_admissions_total`: the same as `stored`, under llm-d's name.
  package var admissions: Counter { cache.indexAdmissions.cell([]) }
  /// `llm_d_epp_kv_cache_index_evictions_total`: the same as `removed`, under llm-d's name.
  package var evictions: Counter { cache.indexEvictions.cell([]) }

  /// `llm_d_epp_kv_cache_events_dedup_removed_hashes_suppressed_total`: the part of `removed` that leaves a copy behind.
  package var suppressedRemovals: Counter { cache.suppressedRemovals.cell([]) }
  /// `llm_d_epp_kv_cache_events_dedup_removed_hashes_forwarded_total`: the part of `removed` that leaves no copy behind.
  package var forwardedRemovals: Counter { cache.forwardedRemovals.cell([]) }
  /// `llm_d_epp_kv_cache_events_stores_skipped_total` by vLLM's name of the kind of cache, and why it is not indexed.
  package func skippedStores(cacheKind: String, reason: String) -> Counter {
    cache.skippedStores.cell([cacheKind, reason])
  }
  /// `llm_d_epp_kv_cache_events_removals_skipped_total` by vLLM's name of the kind of cache, and why it is not indexed.
  package func skippedRemovals(cacheKind: String, reason: String) -> Counter {
    cache.skippedRemovals.cell([cacheKind, reason])
  }

  /// Sets `llm_d_epp_kv_cache_events_active_subscribers` and `llm_d_epp_kv_cache_events_pool_queue_depth`.
  ///
  /// - Parameters:
  ///   - count: streams that are followed.
  ///   - waiting: messages that wait for the end of a replay.
  package func setSubscribers(_ count: Int, waiting: Int) {
    guard count > 0 || !cache.subscribers.read().isEmpty else { return }
    (_, _, _, _) = (admissions, evictions, suppressedRemovals, forwardedRemovals)
    cache.capacity.cell([]).set(1)
    cache.subscribers.cell([]).set(count)
    cache.queueDepth.cell([]).set(waiting)
  }

  /// `epp_kv_events_streams` for a `state`, such as `live`.
  package func streams(in state: String) -> Gauge { streams.cell([state]) }
}

/// The series of one KV event stream. Any thread may use them. They leave the page with `remove`.
package final class KVStreamSeries: Sendable {
  /// `epp_kv_events_stream_state`.
  package let state: Gauge
  /// `epp_kv_events_lost_messages_total`.
  package let lost: Counter
  /// `epp_kv_events_restarts_total`.
  package let restarts: Counter
  /// `llm_d_epp_kv_cache_events_subscriber_reconnections_total`.
  package let reconnections: Counter
  /// `llm_d_epp_kv_cache_events_messages_received_total`.
  package let messages: Counter
  /// `llm_d_epp_kv_cache_events_replay_completed_total`.
  package let completeReplays: Counter
  /// `llm_d_epp_kv_cache_events_replay_failures_total`.
  package let failedReplays: Counter
  /// `llm_d_epp_kv_cache_events_replay_active`. Streams of one address share it.
  package let replaysUnderWay: Gauge
  /// `llm_d_epp_kv_cache_events_replay_processed_total`.
  package let replayedMessages: Counter

  /// An operation of an event stream that can fail. The raw value is llm-d's value of the label `operation`.
  package enum Operation: String, Sendable {
    case connect
    case receive = "recv"
    /// The replay's socket could not be made.
    case replayConnect = "replay-connect"
    /// The replay left something out, or did not end.
    case replayIncomplete = "replay-incomplete"
    /// The replay brought nothing.
    case replayNoProgress = "replay-no-progress"
  }

  private let owned = OwnedSeries()
  private let failures: MetricFamily<Counter>
  private let lastReplays: MetricFamily<Gauge>
  private let pod: [String]

  init(
    _ families: MetricFamilies.KVEventFamilies, _ cache: CacheFamilies, endpoint: String, address: String, rank: Int
  ) {
    let labels = [LabelValue.cleaned(endpoint), String(rank)]
    state = owned.cell(families.streamState, labels)
    lost = owned.cell(families.lost, labels)
    restarts = owned.cell(families.restarts, labels)
    pod = [LabelValue.cleaned(address)]
    failures = cache.errors
    reconnections = owned.cell(cache.reconnections, pod)
    messages = owned.cell(cache.messages, pod)
    completeReplays = owned.cell(cache.replaysCompleted, pod)
    failedReplays = owned.cell(cache.replaysFailed, pod)
    replaysUnderWay = owned.cell(cache.replaysUnderWay, pod)
    replayedMessages = owned.cell(cache.replayedMessages, pod)
    lastReplays = cache.lastReplay
  }

  /// `llm_d_epp_kv_cache_events_zmq_errors_total` for an operation. On the page from the first call on; callers keep it.
  package func errors(_ operation: Operation) -> Counter { owned.cell(failures, pod + [operation.rawValue]) }

  /// `llm_d_epp_kv_cache_events_replay_last_completion_timestamp_seconds`. On the page from the first call on; callers keep it.
  package func lastReplay() -> Gauge { owned.cell(lastReplays, pod) }

  /// Removes the series from the page.
  package func remove() { owned.removeAll() }
}

extension PickerMetrics {
  /// The counters of KV events over all engines. They are on the page from the first call on.
  package func kvEventSeries() -> KVEventSeries { KVEventSeries(families.kvEvents, families.cache) }

  /// The series of the stream of one data-parallel rank of an endpoint.
  ///
  /// - Parameter address: the endpoint's `ip:port`.
  package func kvStreamSeries(endpoint: String, address: String, rank: Int) -> KVStreamSeries {
    KVStreamSeries(families.kvEvents, families.cache, endpoint: endpoint, address: address, rank: rank)
  }
}
