import EPPCore
import Synchronization

/// The cells of all metrics that are counted per endpoint. Any thread may use it. Request routing keeps one for each endpoint
/// of the pool.
///
/// Its series leave the page when the endpoint leaves the pool; later writes have no effect on the page.
package final class EndpointSeries: Sendable {
  /// `llm_d_epp_per_endpoint_queue_size`; set by `PickerMetrics.refreshPool`.
  package let queueSize: Gauge
  /// `epp_endpoint_stale`; set by `PickerMetrics.refreshPool`.
  package let stale: Gauge
  /// `epp_endpoint_refusing`; set by `PickerMetrics.refreshPool`.
  package let refusing: Gauge
  /// `epp_endpoint_missing_families`; set by `PickerMetrics.refreshPool`.
  package let missingFamilies: Gauge
  /// `epp_endpoint_scrape_age_seconds`; set by `PickerMetrics.refreshPool`.
  package let scrapeAge: Gauge
  /// `epp_prefix_cache_queried_tokens_total`: prompt tokens of every request sent to the endpoint.
  package let prefixQueriedTokens: Counter
  /// `epp_prefix_exact_tokens_total`: prompt tokens of requests whose prediction rests on the engine's KV events.
  package let prefixExactTokens: Counter
  /// `epp_prefix_announced_tokens_total`: prompt tokens that the engine's KV events had announced to be in its cache.
  package let prefixAnnouncedTokens: Counter
  /// `epp_prefix_engine_error_ratio`: difference between predicted cached tokens and the engine's own counters, as a share.
  package let counterError: Gauge
  /// `epp_prefix_unmatched_windows_total`: windows in which the engine had many cache hits and no announced block matched.
  package let unmatchedWindows: Counter
  /// `epp_prefix_cache_hit_tokens_total{source="predicted"}`: cached prompt tokens as predicted at the pick.
  package let prefixHitTokensPredicted: Counter
  /// `epp_prefix_cache_hit_tokens_total{source="reported"}`: cached prompt tokens as the engine's answers report them.
  package let prefixHitTokensReported: Counter
  /// `epp_prefix_prediction_error_tokens`: counted for requests whose prediction rests on the engine's KV events.
  package let predictionError: Histogram
  /// `epp_prefix_resyncs_total`: how often the endpoint's cache contents were forgotten because two consecutive answers
  /// contradicted the prediction.
  package let resyncs: Counter

  /// The in-flight gauges of the endpoint for one fairness id and priority.
  package struct InFlight: Sendable {
    /// `llm_d_epp_inflight_requests`.
    package let requests: Gauge
    /// `llm_d_epp_inflight_tokens`: uncached prompt tokens.
    package let tokens: Gauge
  }

  private struct FlightKey: Hashable {
    var fairnessID: String
    var priority: Int
  }

  private struct State {
    var attempts: [String: Counter] = [:]
    var flights: [FlightKey: InFlight] = [:]
    var sessions: SessionSeries?
  }

  private let families: MetricFamilies
  private let limits: PickerMetrics.SeriesLimits
  private let name: String
  private let namespace: String
  private let port: String
  /// The `producer_name` of llm-d's in-flight gauges.
  private let producerName: String
  private let owned = OwnedSeries()
  private let state = Mutex(State())

  init(families: MetricFamilies, options: PickerMetrics.Options, key: EndpointSeriesKey) {
    let pool = options.poolName
    self.families = families
    limits = options.limits
    producerName = options.pluginLabels.loadProducer
    name = key.name
    namespace = key.namespace
    port = String(key.port)
    let labels = [key.name]
    queueSize = owned.cell(families.queueSize, [pool, key.name])
    stale = owned.cell(families.endpointStale, labels)
    refusing = owned.cell(families.endpointRefusing, labels)
    missingFamilies = owned.cell(families.endpointMissingFamilies, labels)
    scrapeAge = owned.cell(families.endpointScrapeAge, labels)
    prefixQueriedTokens = owned.cell(families.prefixCacheQueriedTokens, labels)
    prefixExactTokens = owned.cell(families.prefixExactTokens, labels)
    prefixAnnouncedTokens = owned.cell(families.prefixAnnouncedTokens, labels)
    counterError = owned.cell(families.prefixCounterError, labels)
    unmatchedWindows = owned.cell(families.prefixUnmatchedWindows, labels)
    prefixHitTokensPredicted = owned.cell(families.prefixCacheHitTokens, [key.name, "predicted"])
    prefixHitTokensReported = owned.cell(families.prefixCacheHitTokens, [key.name, "reported"])
    predictionError = owned.cell(families.prefixPredictionError, labels)
    resyncs = owned.cell(families.prefixResyncs, labels)
    scrapeAge.set(.infinity)
  }

  /// `llm_d_epp_scheduler_attempts_total{status="success"}` for picks of this endpoint.
  ///
  /// Takes a lock of this endpoint. Beyond the limit on models the target model is `other`.
  package func attempts(targetModel: String) -> Counter {
    return state.withLock { state in
      if let counter = state.attempts[targetModel] { return counter }
      let model = LabelValue.cleaned(targetModel)
      if let counter = state.attempts[model] { return counter }
      let isFull = state.attempts.count >= limits.modelsPerEndpoint
      let label = isFull ? LabelValue.other : model
      if isFull, let counter = state.attempts[label] { return counter }
      let counter = owned.cell(families.schedulerAttempts, ["success", label, name, namespace, port])
      state.attempts[label] = counter
      return counter
    }
  }

  /// The in-flight gauges for a fairness id and a priority. A request keeps them, so that it subtracts from the gauges that it
  /// added to.
  ///
  /// Takes a lock of this endpoint. Beyond the limit on combinations both labels are `other`.
  package func inFlight(fairnessID: String, priority: Int) -> InFlight {
    return state.withLock { state in
      if let flight = state.flights[FlightKey(fairnessID: fairnessID, priority: priority)] { return flight }
      let key = FlightKey(fairnessID: LabelValue.cleaned(fairnessID), priority: priority)
      if let flight = state.flights[key] { return flight }
      let isFull = state.flights.count >= limits.flightsPerEndpoint
      let shared = FlightKey(fairnessID: LabelValue.other, priority: 0)
      if isFull, let flight = state.flights[shared] { return flight }
      let values = [
        name, namespace, producerName, isFull ? LabelValue.other : key.fairnessID,
        isFull ? LabelValue.other : String(priority),
      ]
      let flight = InFlight(
        requests: owned.cell(families.inFlightRequests, values), tokens: owned.cell(families.inFlightTokens, values))
      state.flights[isFull ? shared : key] = flight
      return flight
    }
  }

  /// The series of sessions, on the page from the first call on. Takes a lock of this endpoint.
  package var sessions: SessionSeries {
    state.withLock { state in
      if let sessions = state.sessions { return sessions }
      let sessions = SessionSeries(
        new: owned.cell(families.sessionAffinity, [name, "new"]),
        kept: owned.cell(families.sessionAffinity, [name, "kept"]),
        moved: owned.cell(families.sessionAffinity, [name, "moved"]), held: owned.cell(families.sessions, [name]))
      state.sessions = sessions
      return sessions
    }
  }

  /// Removes all series of the endpoint from the page.
  func remove() { owned.removeAll() }
}

/// The values that distinguish endpoints in labels.
struct EndpointSeriesKey: Hashable, Sendable {
  let name: String
  let namespace: String
  let port: UInt16

  /// The key of all endpoints beyond the limit.
  static let other = EndpointSeriesKey(name: LabelValue.other, namespace: LabelValue.other, port: 0)

  init(name: String, namespace: String, port: UInt16) {
    self.name = LabelValue.cleaned(name)
    self.namespace = LabelValue.cleaned(namespace)
    self.port = port
  }

  init(_ endpoint: Endpoint) {
    self.init(name: endpoint.name, namespace: endpoint.namespace, port: endpoint.address.port)
  }
}
