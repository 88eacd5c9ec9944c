import EPPCore
import Synchronization

/// The cells of everything that is counted per endpoint. Whoever routes keeps one for each endpoint of the pool.
///
/// Its series leave the page when the endpoint leaves the pool; writing to it afterwards is harmless and shows nowhere.
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
  /// `epp_prefix_exact_tokens_total`: those of them whose prediction rests on the engine's own events.
  package let prefixExactTokens: Counter
  /// `epp_prefix_announced_tokens_total`: those of them that these events had announced.
  package let prefixAnnouncedTokens: Counter
  /// `epp_prefix_engine_error_ratio`.
  package let counterError: Gauge
  /// `epp_prefix_unmatched_windows_total`.
  package let unmatchedWindows: Counter
  /// `epp_prefix_cache_hit_tokens_total{source="predicted"}`.
  package let prefixHitTokensPredicted: Counter
  /// `epp_prefix_cache_hit_tokens_total{source="reported"}`.
  package let prefixHitTokensReported: Counter
  /// `epp_prefix_prediction_error_tokens`, of requests whose prediction rests on the engine's own events.
  package let predictionError: Histogram
  /// `epp_prefix_resyncs_total`.
  package let resyncs: Counter

  /// What is in flight to the endpoint for one fairness id and priority.
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
    var registered: [Registration] = []
    var isRemoved = false
  }

  /// A series that has to be taken off the page with the endpoint. A struct, for an enum of two pointers hides them in
  /// tagged words, where LeakSanitizer does not find them.
  private struct Registration {
    let family: any ReadableMetricFamily
    let values: [String]

    init(_ family: any ReadableMetricFamily, _ values: [String]) {
      self.family = family
      self.values = values
    }
  }

  private let families: MetricFamilies
  private let limits: PickerMetrics.SeriesLimits
  private let name: String
  private let namespace: String
  private let port: String
  /// The `producer_name` of llm-d's in-flight gauges.
  private let producerName: String
  private let state = Mutex(State())

  init(families: MetricFamilies, options: PickerMetrics.Options, key: EndpointSeriesKey) {
    let pool = options.poolName
    self.families = families
    limits = options.limits
    producerName = options.pluginLabels.loadProducer
    name = key.name
    namespace = key.namespace
    port = String(key.port)
    let predicted = [key.name, "predicted"]
    let reported = [key.name, "reported"]
    queueSize = families.queueSize.cell([pool, key.name])
    stale = families.endpointStale.cell([key.name])
    refusing = families.endpointRefusing.cell([key.name])
    missingFamilies = families.endpointMissingFamilies.cell([key.name])
    scrapeAge = families.endpointScrapeAge.cell([key.name])
    prefixQueriedTokens = families.prefixCacheQueriedTokens.cell([key.name])
    prefixExactTokens = families.prefixExactTokens.cell([key.name])
    prefixAnnouncedTokens = families.prefixAnnouncedTokens.cell([key.name])
    counterError = families.prefixCounterError.cell([key.name])
    unmatchedWindows = families.prefixUnmatchedWindows.cell([key.name])
    prefixHitTokensPredicted = families.prefixCacheHitTokens.cell(predicted)
    prefixHitTokensReported = families.prefixCacheHitTokens.cell(reported)
    predictionError = families.prefixPredictionError.cell([key.name])
    resyncs = families.prefixResyncs.cell([key.name])
    scrapeAge.set(.infinity)
    state.withLock { state in
      state.registered = [
        Registration(families.queueSize, [pool, key.name]), Registration(families.endpointStale, [key.name]),
        Registration(families.endpointMissingFamilies, [key.name]),
        Registration(families.endpointRefusing, [key.name]), Registration(families.endpointScrapeAge, [key.name]),
        Registration(families.prefixCacheQueriedTokens, [key.name]),
        Registration(families.prefixCacheHitTokens, predicted), Registration(families.prefixCacheHitTokens, reported),
        Registration(families.prefixExactTokens, [key.name]), Registration(families.prefixCounterError, [key.name]),
        Registration(families.prefixAnnouncedTokens, [key.name]),
        Registration(families.prefixUnmatchedWindows, [key.name]),
        Registration(families.prefixPredictionError, [key.name]), Registration(families.prefixResyncs, [key.name]),
      ]
    }
  }

  /// `llm_d_epp_scheduler_attempts_total{status="success"}` for picks of this endpoint.
  ///
  /// A look-up under a lock of this endpoint; beyond the limit on models the target model is `other`.
  package func attempts(targetModel: String) -> Counter {
    return state.withLock { state in
      if let counter = state.attempts[targetModel] { return counter }
      let model = LabelValue.cleaned(targetModel)
      if let counter = state.attempts[model] { return counter }
      let isFull = state.attempts.count >= limits.modelsPerEndpoint
      let label = isFull ? LabelValue.other : model
      if isFull, let counter = state.attempts[label] { return counter }
      guard !state.isRemoved else { return Counter() }
      let values = ["success", label, name, namespace, port]
      let counter = families.schedulerAttempts.cell(values)
      state.attempts[label] = counter
      state.registered.append(Registration(families.schedulerAttempts, values))
      return counter
    }
  }

  /// The in-flight gauges for a fairness id and a priority. The request keeps them, so that what it added when it was
  /// sent is taken from the same gauges when it ends.
  ///
  /// A look-up under a lock of this endpoint; beyond the limit on fairness ids both labels are `other`.
  package func inFlight(fairnessID: String, priority: Int) -> InFlight {
    return state.withLock { state in
      if let flight = state.flights[FlightKey(fairnessID: fairnessID, priority: priority)] { return flight }
      let key = FlightKey(fairnessID: LabelValue.cleaned(fairnessID), priority: priority)
      if let flight = state.flights[key] { return flight }
      let isFull = state.flights.count >= limits.flightsPerEndpoint
      let shared = FlightKey(fairnessID: LabelValue.other, priority: 0)
      if isFull, let flight = state.flights[shared] { return flight }
      guard !state.isRemoved else { return InFlight(requests: Gauge(), tokens: Gauge()) }
      let values = [
        name, namespace, producerName, isFull ? LabelValue.other : key.fairnessID,
        isFull ? LabelValue.other : String(priority),
      ]
      let flight = InFlight(
        requests: families.inFlightRequests.cell(values), tokens: families.inFlightTokens.cell(values))
      state.flights[isFull ? shared : key] = flight
      state.registered.append(Registration(families.inFlightRequests, values))
      state.registered.append(Registration(families.inFlightTokens, values))
      return flight
    }
  }

  /// Takes all series of the endpoint off the page.
  func remove() {
    let registered = state.withLock { state in
      state.isRemoved = true
      defer { state.registered = [] }
      return state.registered
    }
    for registration in registered { registration.family.remove(registration.values) }
  }
}

/// What tells endpoints apart in labels.
struct EndpointSeriesKey: Hashable, Sendable {
  let name: String
  let namespace: String
  let port: UInt16

  /// Stands for all endpoints beyond the limit.
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
