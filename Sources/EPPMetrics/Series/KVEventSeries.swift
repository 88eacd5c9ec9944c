/// What is counted of the engines' KV events as a whole. Any thread may write to it.
package struct KVEventSeries: Sendable {
  /// `epp_kv_events_messages_total` by `outcome`.
  package let applied: Counter
  /// Came twice, or was brought by a replay already.
  package let duplicate: Counter
  /// Waited for a replay, and there was no room: the next replay brings it.
  package let postponed: Counter
  /// Was no message of KV events.
  package let unreadable: Counter
  /// Its topic names another endpoint, or none of the pool.
  package let misdirected: Counter

  /// `epp_kv_events_blocks_total` by `outcome`: copies entered.
  package let stored: Counter
  /// Copies taken out.
  package let removed: Counter
  /// Stored behind a block that is not known.
  package let orphaned: Counter
  /// Held before the picker listened, and found by the tokens of a prompt.
  package let adopted: Counter
  /// Removed without being known.
  package let unknown: Counter
  /// In caches that do not hold whole prefixes.
  package let notIndexed: Counter
  /// Not entered for lack of memory.
  package let refused: Counter
  /// `epp_kv_events_clears_total`.
  package let clears: Counter

  /// `epp_kv_events_replays_total` by `outcome`.
  package let completeReplays: Counter
  package let brokenReplays: Counter
  package let excessiveReplays: Counter

  private let streams: MetricFamily<Gauge>

  init(_ families: MetricFamilies.KVEventFamilies) {
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

  /// `epp_kv_events_streams` in a state, such as `live`.
  package func streams(in state: String) -> Gauge { streams.cell([state]) }
}

/// The series of one stream of KV events. They leave the page with `remove`.
package final class KVStreamSeries: Sendable {
  /// `epp_kv_events_stream_state`.
  package let state: Gauge
  /// `epp_kv_events_lost_messages_total`.
  package let lost: Counter
  /// `epp_kv_events_restarts_total`.
  package let restarts: Counter

  private let owned = OwnedSeries()

  init(_ families: MetricFamilies.KVEventFamilies, endpoint: String, rank: Int) {
    let labels = [LabelValue.cleaned(endpoint), String(rank)]
    state = owned.cell(families.streamState, labels)
    lost = owned.cell(families.lost, labels)
    restarts = owned.cell(families.restarts, labels)
  }

  /// Takes the series off the page.
  package func remove() { owned.removeAll() }
}

extension PickerMetrics {
  /// What is counted of KV events as a whole. On the page from the first call on.
  package func kvEventSeries() -> KVEventSeries { KVEventSeries(families.kvEvents) }

  /// The series of one data-parallel rank of an endpoint.
  package func kvStreamSeries(endpoint: String, rank: Int) -> KVStreamSeries {
    KVStreamSeries(families.kvEvents, endpoint: endpoint, rank: rank)
  }
}
