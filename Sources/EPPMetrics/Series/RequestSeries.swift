package import EPPCore

/// The cells of all metrics that are counted per request, for one combination of model, target model, fairness id and priority.
/// A request looks up its series once and then writes without locks, except for errors.
package final class RequestSeries: Sendable {
  /// `llm_d_epp_request_total`: routed requests.
  package let requests: Counter
  /// `llm_d_epp_request_running`: add 1 when a request is routed and -1 when it ends.
  package let running: Gauge
  /// `llm_d_epp_request_duration_seconds`.
  package let duration: Histogram
  /// `llm_d_epp_request_size_bytes`.
  package let requestSize: Histogram
  /// `llm_d_epp_response_size_bytes`.
  package let responseSize: Histogram
  /// `llm_d_epp_request_input_tokens`.
  package let inputTokens: Histogram
  /// `llm_d_epp_request_output_tokens`.
  package let outputTokens: Histogram
  /// `llm_d_epp_request_cached_tokens`: prompt tokens that the engine reports as cached.
  package let cachedTokens: Histogram
  /// `llm_d_epp_request_ntpot_seconds`: the whole request's time divided by its output tokens.
  package let normalizedTimePerOutputToken: Histogram
  /// `llm_d_epp_request_ttft_seconds{streaming="true"}`.
  package let timeToFirstTokenStreaming: Histogram
  /// `llm_d_epp_request_ttft_seconds{streaming="false"}`.
  package let timeToFirstTokenUnary: Histogram
  /// `epp_request_response_headers_seconds`.
  package let timeToResponseHeaders: Histogram
  /// `llm_d_epp_request_streaming_tpot_seconds`.
  package let timePerOutputToken: Histogram
  /// `llm_d_epp_request_streaming_itl_seconds`.
  package let interTokenLatency: Histogram

  private let labels: [String]
  private let errors: MetricFamily<Counter>

  init(families: MetricFamilies, labels: [String]) {
    self.labels = labels
    errors = families.requestErrors
    requests = families.requests.cell(labels)
    running = families.requestsRunning.cell(labels)
    duration = families.requestDuration.cell(labels)
    requestSize = families.requestSize.cell(labels)
    responseSize = families.responseSize.cell(labels)
    inputTokens = families.inputTokens.cell(labels)
    outputTokens = families.outputTokens.cell(labels)
    cachedTokens = families.cachedTokens.cell(labels)
    normalizedTimePerOutputToken = families.normalizedTimePerOutputToken.cell(labels)
    timeToFirstTokenStreaming = families.timeToFirstToken.cell(labels + ["true"])
    timeToFirstTokenUnary = families.timeToFirstToken.cell(labels + ["false"])
    timeToResponseHeaders = families.timeToResponseHeaders.cell(labels)
    timePerOutputToken = families.timePerOutputToken.cell(labels)
    interTokenLatency = families.interTokenLatency.cell(labels)
  }

  /// Counts an error of a request: `llm_d_epp_request_error_total`.
  ///
  /// Takes a lock: errors are rare.
  package func countError(_ error: RequestErrorCode) { errors.cell(labels + [error.label]).increment() }
}

/// The `error_code` label of `llm_d_epp_request_error_total`.
package enum RequestErrorCode: Sendable, Equatable {
  /// The picker answered the request.
  case rejected(Rejection.Status)
  /// The engine answered with a status of 400 or more, or with an error event in a stream.
  case modelServer
  /// The request ended without an answer.
  case unknown

  /// The label's value.
  var label: String {
    switch self {
    case .rejected(let status): status.code
    case .modelServer: "ModelServerError"
    case .unknown: "Unknown"
    }
  }
}

/// Finds the series of a request by its label values, within limits on their number.
struct RequestSeriesTable: Sendable {
  private struct Key: Hashable {
    var model: String
    var targetModel: String
    var fairnessID: String
    var priority: Int

    /// The target is nearly always the model itself, with shared storage: the comparison then compares pointers only, and saves
    /// a second hash of a long string.
    func hash(into hasher: inout Hasher) {
      hasher.combine(model)
      if targetModel != model { hasher.combine(targetModel) }
      hasher.combine(fairnessID)
      hasher.combine(priority)
    }
  }

  private var series: [Key: RequestSeries] = [:]
  private var models: LabelValueSet
  private var fairnessIDs: LabelValueSet
  private var shared: RequestSeries?
  private let limit: Int

  /// An empty table.
  init(limits: PickerMetrics.SeriesLimits) {
    models = LabelValueSet(limit: limits.models)
    fairnessIDs = LabelValueSet(limit: limits.fairnessIDs)
    limit = limits.requestSeries
  }

  /// The series when it exists; the path of nearly every request. Finds nothing for values that are not clean
  /// (`LabelValue.isClean`).
  func existing(model: String, targetModel: String, fairnessID: String, priority: Int) -> RequestSeries? {
    series[Key(model: model, targetModel: targetModel, fairnessID: fairnessID, priority: priority)]
  }

  /// Whether the model has a label value of its own.
  func knows(model: String) -> Bool { models.contains(model) }

  /// The series of clean label values; created when there is none. Values and series beyond a limit are replaced by `other` and
  /// counted in `dropped`.
  mutating func series(
    model: String, targetModel: String, fairnessID: String, priority: Int, families: MetricFamilies, dropped: Counter
  ) -> RequestSeries {
    let admitted = (models.admit(model), models.admit(targetModel), fairnessIDs.admit(fairnessID))
    if admitted.0 == nil || admitted.1 == nil || admitted.2 == nil { dropped.increment() }
    let key = Key(
      model: admitted.0 ?? LabelValue.other, targetModel: admitted.1 ?? LabelValue.other,
      fairnessID: admitted.2 ?? LabelValue.other, priority: priority)
    if let known = series[key] { return known }
    guard series.count < limit else {
      dropped.increment()
      if let shared { return shared }
      let made = RequestSeries(families: families, labels: Array(repeating: LabelValue.other, count: 4))
      shared = made
      return made
    }
    let made = RequestSeries(
      families: families, labels: [key.model, key.targetModel, key.fairnessID, String(key.priority)])
    series[key] = made
    return made
  }
}
