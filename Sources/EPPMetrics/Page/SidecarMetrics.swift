import Synchronization

/// All metrics of the routing sidecar: handles to write values, and a page to read them. Families that llm-d's sidecar has carry its
/// names (`llm_d_disagg_sidecar_`), the others begin with `routing_sidecar_`. Any thread may call every method.
package final class SidecarMetrics: Sendable {
  private let requests: MetricFamily<Counter>
  private let disaggregated: MetricFamily<Counter>
  private let stageDurations: [Stage: MetricFamily<Histogram>]
  private let errors: MetricFamily<Counter>
  private let answers: MetricFamily<Counter>
  private let requestDuration: MetricFamily<Histogram>
  private let fallbacks: MetricFamily<Counter>
  private let refused: MetricFamily<Counter>
  private let bytes: MetricFamily<Counter>
  private let sessions: MetricFamily<Counter>
  private let inFlight: MetricFamily<Gauge>
  private let connections: MetricFamily<Gauge>
  let traceSpans: MetricFamily<Counter>
  private let all: [any ReadableMetricFamily]

  /// A step of a disaggregated request; the raw value is that of the label `stage`.
  package enum Stage: String, Sendable, CaseIterable {
    case encode
    case prefill
    case decode
  }

  /// What a request is to its session; the raw value is that of the label `outcome`.
  package enum SessionOutcome: String, Sendable {
    /// Nothing of its session has come here before.
    case first
    /// Requests of its session have come here before.
    case returning
  }

  package init() {
    var list = SidecarFamilyList()
    requests = list.shared("requests_total", "Requests of APIs that can be disaggregated, by API.", [.apiType])
    disaggregated = list.shared(
      "disagg_requests_total", "Requests whose prompt another engine was asked to compute.", [.connector])
    var durations: [Stage: MetricFamily<Histogram>] = [:]
    for stage in Stage.allCases {
      durations[stage] = list.sharedHistogram(
        "\(stage.rawValue)_duration_seconds", "Time of the stage \(stage.rawValue), from request to end of the answer.",
        [.connector], .stage)
    }
    stageDurations = durations
    errors = list.shared(
      "request_errors_total", "Stages that failed: no answer, or another status than 2xx (5xx when decoding).",
      [.connector, .stage])
    answers = list.own("responses_total", "Answers to clients by HTTP status.", [.code])
    requestDuration = list.ownHistogram(
      "request_duration_seconds", "Time from the head of a request to the end of its answer.", [], .requestDuration)
    fallbacks = list.own(
      "prefill_fallbacks_total", "Prompts that the own engine computed because the prefill engine did not.",
      [.connector])
    refused = list.own("targets_refused_total", "Targets in headers that are not allowed, by reason.", [.reason])
    bytes = list.own("bytes_total", "Bytes of bodies from clients (request) and to them (response).", [.direction])
    sessions = list.own(
      "session_requests_total",
      "Requests by whether earlier ones of their session, else of their client's address, have come here.", [.outcome])
    inFlight = list.own("requests_in_flight", "Requests whose answer has not ended.", [])
    connections = list.own("client_connections", "Open connections of clients.", [])
    traceSpans = list.own(TraceSeries.name, TraceSeries.help, [.result])
    all = list.families.sorted { $0.descriptor.name < $1.descriptor.name }
  }

  /// The page in Prometheus' text format.
  ///
  /// - Parameter process: what the process has used; nil where nobody has read it.
  package func page(of process: ProcessUsage? = nil) -> [UInt8] {
    var writer = MetricsTextWriter(reservingBytes: 16 * 1024)
    if let process { writer.write(process) }
    for family in all {
      let descriptor = family.descriptor
      writer.write(
        name: descriptor.name, help: descriptor.help, kind: descriptor.kind, labels: descriptor.labels.map(\.rawValue),
        series: family.read())
    }
    return writer.bytes
  }

  // MARK: - Series

  /// Requests of an API, by llm-d's name of it.
  package func requests(api: String) -> Counter { requests.cell([api]) }

  /// Requests that the connector disaggregates.
  package func disaggregated(connector: String) -> Counter { disaggregated.cell([connector]) }

  /// The time of a stage.
  package func duration(_ stage: Stage, connector: String) -> Histogram {
    stageDurations[stage]?.cell([connector]) ?? Histogram(layout: .stage)
  }

  /// Failures of a stage.
  package func errors(_ stage: Stage, connector: String) -> Counter { errors.cell([connector, stage.rawValue]) }

  /// Answers with an HTTP status, of which numbers below 100 or above 599 count as 0.
  package func answers(status: Int) -> Counter { answers.cell([String((100...599).contains(status) ? status : 0)]) }

  /// The time of whole requests.
  package func durations() -> Histogram { requestDuration.cell([]) }

  /// Prompts that were computed here because the prefill engine did not.
  package func fallbacks(connector: String) -> Counter { fallbacks.cell([connector]) }

  /// Targets that are not allowed.
  package func refusedTargets(reason: String) -> Counter { refused.cell([reason]) }

  /// Requests by what they are to their sessions.
  package func sessionRequests(_ outcome: SessionOutcome) -> Counter { sessions.cell([outcome.rawValue]) }

  /// Bytes of bodies from clients.
  package func requestBytes() -> Counter { bytes.cell(["request"]) }

  /// Bytes of bodies to clients.
  package func responseBytes() -> Counter { bytes.cell(["response"]) }

  /// Requests whose answer has not ended.
  package func requestsInFlight() -> Gauge { inFlight.cell([]) }

  /// Open connections of clients.
  package func clientConnections() -> Gauge { connections.cell([]) }
}

/// Creates the sidecar's families and collects them in a list.
private struct SidecarFamilyList {
  private(set) var families: [any ReadableMetricFamily] = []
  /// No label has values that clients choose, so no family reaches it.
  private static let limit = 1000

  mutating func shared(_ name: String, _ help: String, _ labels: [LabelName]) -> MetricFamily<Counter> {
    add("llm_d_disagg_sidecar_" + name, "[ALPHA] " + help, labels, ())
  }

  mutating func sharedHistogram(_ name: String, _ help: String, _ labels: [LabelName], _ layout: HistogramLayout)
    -> MetricFamily<Histogram>
  {
    add("llm_d_disagg_sidecar_" + name, "[ALPHA] " + help, labels, layout)
  }

  mutating func own<Cell: MetricCell>(_ name: String, _ help: String, _ labels: [LabelName]) -> MetricFamily<Cell>
  where Cell.Layout == Void {
    add("routing_sidecar_" + name, help, labels, ())
  }

  mutating func ownHistogram(_ name: String, _ help: String, _ labels: [LabelName], _ layout: HistogramLayout)
    -> MetricFamily<Histogram>
  {
    add("routing_sidecar_" + name, help, labels, layout)
  }

  private mutating func add<Cell: MetricCell>(
    _ name: String, _ help: String, _ labels: [LabelName], _ layout: Cell.Layout
  ) -> MetricFamily<Cell> {
    let family = MetricFamily<Cell>(
      name, help: help, labels: labels, layout: layout, limit: Self.limit, skipsUntouched: false, dropped: Counter())
    families.append(family)
    return family
  }
}

extension HistogramLayout {
  /// llm-d's bounds for the stages of a disaggregated request, 5 ms to 5 minutes.
  static let stage = HistogramLayout(
    .longDuration, [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300])
}
