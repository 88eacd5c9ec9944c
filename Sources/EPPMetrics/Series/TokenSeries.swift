/// What is counted of the search for token ids. Any thread may write to it.
package struct TokenSeries: Sendable {
  /// `epp_tokens_requests_total` by `outcome`: found among those that were seen before.
  package let cached: Counter
  /// Rendered whole by an engine.
  package let rendered: Counter
  /// Put together from what was known and the rest, rendered by an engine.
  package let incremental: Counter
  /// Not there in time: the request was matched by its bytes.
  package let late: Counter
  /// No engine could be asked.
  package let nobody: Counter
  /// Too many were being asked about.
  package let busy: Counter
  /// The engine said no.
  package let refused: Counter
  /// The engine did not answer.
  package let failed: Counter
  /// The engine's answer had no token ids in it.
  package let unreadable: Counter
  /// `epp_tokens_render_refusals_total` by `code`, in the order of `refusalStatuses`.
  private let refusals: [Counter]
  /// `epp_tokens_mismatches_total`.
  package let mismatches: Counter
  /// `epp_tokens_render_duration_seconds`.
  package let renderDuration: Histogram
  /// `epp_tokens_renders_inflight`.
  package let inFlight: Gauge
  /// `epp_tokens_requests_waiting`.
  package let waiting: Gauge
  /// `epp_tokens_cache_entries`, `epp_tokens_cache_bytes`, `epp_tokens_cache_evictions_total`.
  package let cacheEntries: Gauge
  package let cacheBytes: Gauge
  package let cacheEvictions: Counter

  /// HTTP statuses that say that a path is not served.
  package static let refusalStatuses: [UInt] = [401, 403, 404, 405, 407, 501]

  /// The counter of a status; nil for one that is none of `refusalStatuses`.
  package func refusal(_ status: UInt) -> Counter? {
    Self.refusalStatuses.firstIndex(of: status).map { refusals[$0] }
  }

  init(_ families: MetricFamilies.TokenFamilies) {
    cached = families.requests.cell(["cached"])
    rendered = families.requests.cell(["rendered"])
    incremental = families.requests.cell(["incremental"])
    late = families.requests.cell(["late"])
    nobody = families.requests.cell(["no_engine"])
    busy = families.requests.cell(["busy"])
    refused = families.requests.cell(["refused"])
    failed = families.requests.cell(["failed"])
    unreadable = families.requests.cell(["unreadable"])
    refusals = Self.refusalStatuses.map { families.renderRefusals.cell(["\($0)"]) }
    mismatches = families.mismatches.cell([])
    renderDuration = families.renderDuration.cell([])
    inFlight = families.inFlight.cell([])
    waiting = families.waiting.cell([])
    cacheEntries = families.cacheEntries.cell([])
    cacheBytes = families.cacheBytes.cell([])
    cacheEvictions = families.cacheEvictions.cell([])
  }
}

extension PickerMetrics {
  /// What is counted of the search for token ids. On the page from the first call on.
  package func tokenSeries() -> TokenSeries { TokenSeries(families.tokens) }
}
