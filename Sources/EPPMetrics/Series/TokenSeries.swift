/// The series of the search for token ids. Any thread may write to them.
package struct TokenSeries: Sendable {
  /// `epp_tokens_requests_total{outcome="cached"}`: prompts whose token ids were in the cache.
  package let cached: Counter
  /// `epp_tokens_requests_total{outcome="rendered"}`: prompts that an engine rendered as a whole.
  package let rendered: Counter
  /// `epp_tokens_requests_total{outcome="incremental"}`: prompts whose beginning was in the cache and whose rest an engine
  /// rendered.
  package let incremental: Counter
  /// `epp_tokens_requests_total{outcome="late"}`: token ids that did not arrive in time; the request was matched by its bytes.
  package let late: Counter
  /// `epp_tokens_requests_total{outcome="no_engine"}`: no engine could be asked.
  package let nobody: Counter
  /// `epp_tokens_requests_total{outcome="busy"}`: too many render requests were in flight.
  package let busy: Counter
  /// `epp_tokens_requests_total{outcome="refused"}`: the engine refused the render request.
  package let refused: Counter
  /// `epp_tokens_requests_total{outcome="failed"}`: the engine did not answer.
  package let failed: Counter
  /// `epp_tokens_requests_total{outcome="unreadable"}`: the engine's answer contained no token ids.
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
  /// `epp_tokens_cache_entries`.
  package let cacheEntries: Gauge
  /// `epp_tokens_cache_bytes`.
  package let cacheBytes: Gauge
  /// `epp_tokens_cache_evictions_total`.
  package let cacheEvictions: Counter

  /// HTTP statuses with which an engine refuses render requests whatever their prompt.
  package static let refusalStatuses: [UInt] = [401, 403, 404, 405, 407, 501]

  /// `epp_tokens_render_refusals_total` for an HTTP status; nil for one that is not in `refusalStatuses`.
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
  /// The series of the search for token ids. They are on the page from the first call on.
  package func tokenSeries() -> TokenSeries { TokenSeries(families.tokens) }
}
