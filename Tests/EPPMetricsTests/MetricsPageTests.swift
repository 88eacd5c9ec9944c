import EPPCore
import Testing

@testable import EPPMetrics

@Suite struct MetricsPageTests {
  @Test func seriesOfARequestAreWrittenWithLLMDsNamesAndLabels() {
    let metrics = PickerMetrics()
    let series = metrics.requestSeries(model: "llama", targetModel: "llama-lora", fairnessID: "team-a", priority: -1)
    series.requests.increment()
    series.running.add(1)
    #expect(
      metrics.lines(of: "llm_d_epp_request_total") == [
        "# HELP llm_d_epp_request_total [ALPHA] Requests that were routed.",
        "# TYPE llm_d_epp_request_total counter",
        #"llm_d_epp_request_total{model_name="llama",target_model_name="llama-lora",fairness_id="team-a",priority="-1"} 1"#,
      ])
    #expect(
      metrics.lines(of: "inference_objective_running_requests").last
        == #"inference_objective_running_requests{model_name="llama"} 1"#)
  }

  @Test func aHistogramIsCumulativeWithInclusiveBoundsAndEndsWithInfinity() {
    let metrics = PickerMetrics()
    metrics.schedulerDuration.observe(nanoseconds: 100_000)
    metrics.schedulerDuration.observe(nanoseconds: 100_001)
    metrics.schedulerDuration.observe(.milliseconds(7))
    metrics.schedulerDuration.observe(.seconds(2))
    #expect(
      metrics.lines(of: "llm_d_epp_scheduler_e2e_duration_seconds").dropFirst() == [
        "# TYPE llm_d_epp_scheduler_e2e_duration_seconds histogram",
        #"llm_d_epp_scheduler_e2e_duration_seconds_bucket{le="0.0001"} 1"#,
        #"llm_d_epp_scheduler_e2e_duration_seconds_bucket{le="0.0002"} 2"#,
        #"llm_d_epp_scheduler_e2e_duration_seconds_bucket{le="0.0005"} 2"#,
        #"llm_d_epp_scheduler_e2e_duration_seconds_bucket{le="0.001"} 2"#,
        #"llm_d_epp_scheduler_e2e_duration_seconds_bucket{le="0.002"} 2"#,
        #"llm_d_epp_scheduler_e2e_duration_seconds_bucket{le="0.005"} 2"#,
        #"llm_d_epp_scheduler_e2e_duration_seconds_bucket{le="0.01"} 3"#,
        #"llm_d_epp_scheduler_e2e_duration_seconds_bucket{le="0.02"} 3"#,
        #"llm_d_epp_scheduler_e2e_duration_seconds_bucket{le="0.05"} 3"#,
        #"llm_d_epp_scheduler_e2e_duration_seconds_bucket{le="0.1"} 3"#,
        #"llm_d_epp_scheduler_e2e_duration_seconds_bucket{le="+Inf"} 4"#,
        "llm_d_epp_scheduler_e2e_duration_seconds_sum 2.007200001",
        "llm_d_epp_scheduler_e2e_duration_seconds_count 4",
      ])
  }

  @Test func anOlderNameWithFewerLabelsAddsUpTheSeriesThatFallTogether() {
    let metrics = PickerMetrics()
    for (fairnessID, tokens) in [("a", 5), ("b", 700), ("c", 2_000_000)] {
      let series = metrics.requestSeries(model: "m", targetModel: "t", fairnessID: fairnessID, priority: 0)
      series.requests.increment(by: 2)
      series.inputTokens.observe(tokens)
    }
    let other = metrics.requestSeries(model: "m", targetModel: "t", fairnessID: "a", priority: 3)
    other.requests.increment()
    #expect(metrics.samples(of: "llm_d_epp_request_total").count == 4)
    #expect(
      metrics.samples(of: "inference_objective_request_total") == [
        #"inference_objective_request_total{model_name="m",target_model_name="t",priority="0"} 6"#,
        #"inference_objective_request_total{model_name="m",target_model_name="t",priority="3"} 1"#,
      ])
    let tokens = metrics.samples(of: "inference_objective_input_tokens")
    #expect(tokens.count == 22)
    #expect(tokens[0] == #"inference_objective_input_tokens_bucket{model_name="m",target_model_name="t",le="1"} 0"#)
    #expect(tokens[1] == #"inference_objective_input_tokens_bucket{model_name="m",target_model_name="t",le="8"} 1"#)
    #expect(
      tokens.suffix(4) == [
        #"inference_objective_input_tokens_bucket{model_name="m",target_model_name="t",le="1048576"} 2"#,
        #"inference_objective_input_tokens_bucket{model_name="m",target_model_name="t",le="+Inf"} 3"#,
        #"inference_objective_input_tokens_sum{model_name="m",target_model_name="t"} 2000705"#,
        #"inference_objective_input_tokens_count{model_name="m",target_model_name="t"} 3"#,
      ])
  }

  @Test func modelsThatNobodyWasRoutedForHaveNoLabelOfTheirOwn() {
    let metrics = PickerMetrics()
    for number in 0..<100 { metrics.countFailedAttempt(targetModel: "invented-\(number)") }
    #expect(
      metrics.samples(of: "llm_d_epp_scheduler_attempts_total") == [
        #"llm_d_epp_scheduler_attempts_total{status="failure",target_model_name="other",endpoint_name="",namespace="",port=""} 100"#
      ])
  }

  @Test func olderNamesRenameLabelsOfEndpoints() {
    let metrics = PickerMetrics()
    let endpoint = metrics.endpointSeries(name: "engine-0", namespace: "prod", port: 8000)
    endpoint.attempts(targetModel: "t").increment()
    _ = metrics.requestSeries(model: "t", targetModel: "t", fairnessID: "default-flow", priority: 0)
    metrics.countFailedAttempt(targetModel: "t")
    #expect(
      metrics.samples(of: "inference_extension_scheduler_attempts_total") == [
        #"inference_extension_scheduler_attempts_total{status="failure",target_model_name="t",pod_name="",namespace="",port=""} 1"#,
        #"inference_extension_scheduler_attempts_total{status="success",target_model_name="t",pod_name="engine-0",namespace="prod",port="8000"} 1"#,
      ])
    #expect(
      metrics.samples(of: "inference_pool_per_pod_queue_size") == [
        #"inference_pool_per_pod_queue_size{name="default",model_server_pod="engine-0"} 0"#
      ])
  }

  @Test func olderNamesCanBeSwitchedOff() {
    var options = PickerMetrics.Options()
    options.legacyMetrics = false
    let metrics = PickerMetrics(options: options)
    metrics.requestSeries(model: "m", targetModel: "m", fairnessID: "f", priority: 0).requests.increment()
    #expect(metrics.text.contains("llm_d_epp_request_total"))
    #expect(!metrics.text.contains("inference_"))
    #expect(metrics.familyNames.allSatisfy { $0.hasPrefix("llm_d_epp_") || $0.hasPrefix("epp_") })
  }

  @Test func everyOlderNameRefersToAFamilyAndToItsLabels() {
    let families = PickerMetrics().families.all.map(\.descriptor)
    for alias in MetricAlias.all {
      let family = families.first { $0.name == alias.family }
      #expect(family != nil, "\(alias.name) refers to \(alias.family)")
      for label in alias.labels ?? [] { #expect(family?.labels.contains(label.source) == true) }
    }
    #expect(Set(MetricAlias.all.map(\.name)).count == MetricAlias.all.count)
  }

  @Test func familiesAreSortedAndDeclaredOnce() {
    var options = PickerMetrics.Options()
    options.streamMetrics = true
    let metrics = PickerMetrics(options: options)
    metrics.streams(status: 0).increment()
    #expect(Set(metrics.familyNames).count == metrics.familyNames.count)
    let declared = metrics.text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
    #expect(declared == declared.sorted())
    #expect(declared.contains("# TYPE llm_d_epp_extproc_streams_total counter"))
    let other = PickerMetrics()
    other.streams(status: 0).increment()
    #expect(!other.text.contains("llm_d_epp_extproc_streams_total"))
  }

  @Test func textOfClientsIsEscapedAndCleaned() {
    let metrics = PickerMetrics()
    metrics.requestSeries(model: "a\"b\\c\nd", targetModel: "é", fairnessID: "", priority: 0).requests.increment()
    #expect(
      metrics.samples(of: "llm_d_epp_request_total") == [
        #"llm_d_epp_request_total{model_name="a\"b\\c_d",target_model_name="é",fairness_id="",priority="0"} 1"#
      ])
    var writer = MetricsTextWriter()
    writer.write(
      name: "x", help: "one\\two\nthree \"four\"", kind: .gauge, labels: ["l"],
      series: [MetricSeries(labelValues: ["a\nb\"c\\d"], reading: .gauge(-0.5))])
    #expect(
      String(decoding: writer.bytes, as: UTF8.self) == #"""
        # HELP x one\\two\nthree "four"
        # TYPE x gauge
        x{l="a\nb\"c\\d"} -0.5

        """#)
  }

  @Test(
    arguments: [
      (0, "0"), (1, "1"), (-3, "-3"), (1_048_576, "1048576"), (9_007_199_254_740_992, "9007199254740992"),
      (0.00205, "0.00205"), (1e-7, "1e-07"), (1e300, "1e+300"), (.infinity, "+Inf"), (-.infinity, "-Inf"),
      (.nan, "NaN"),
    ] as [(Double, String)])
  func numbersAreWrittenAsPrometheusReadsThem(value: Double, text: String) {
    var bytes: [UInt8] = []
    bytes.appendMetricValue(value)
    #expect(String(decoding: bytes, as: UTF8.self) == text)
  }

  @Test func countersWithKnownLabelsStartAtZeroAndUnusedRequestSeriesAreLeftOut() {
    let metrics = PickerMetrics()
    _ = metrics.requestSeries(model: "m", targetModel: "m", fairnessID: "f", priority: 0)
    _ = metrics.endpointSeries(name: "e", namespace: "default", port: 8000).sessions
    #expect(metrics.samples(of: "epp_session_affinity_total").count == 3)
    #expect(metrics.samples(of: "epp_rejections_total").count == Rejection.DroppedReason.allCases.count)
    #expect(metrics.samples(of: "epp_metrics_series_dropped_total") == ["epp_metrics_series_dropped_total 0"])
    #expect(metrics.samples(of: "llm_d_epp_request_duration_seconds").isEmpty)
    #expect(metrics.samples(of: "llm_d_epp_request_running").count == 1)
  }

  @Test func errorsAndRejectionsAreCountedByTheirNames() {
    let metrics = PickerMetrics()
    let series = metrics.requestSeries(model: "m", targetModel: "m", fairnessID: "f", priority: 0)
    series.countError(.rejected(.serviceUnavailable))
    series.countError(.modelServer)
    metrics.countRejection(Rejection(.serviceUnavailable, "none", reason: .noEndpoints))
    metrics.countRejection(Rejection(.badRequest, "no model", field: "model"))
    #expect(
      metrics.samples(of: "inference_objective_request_error_total") == [
        #"inference_objective_request_error_total{model_name="m",target_model_name="m",error_code="ModelServerError"} 1"#,
        #"inference_objective_request_error_total{model_name="m",target_model_name="m",error_code="ServiceUnavailable"} 1"#,
      ])
    let rejections = metrics.samples(of: "epp_rejections_total")
    #expect(rejections.contains(#"epp_rejections_total{reason="BadRequest"} 1"#))
    #expect(rejections.contains(#"epp_rejections_total{reason="rejected-no-endpoints"} 1"#))
  }
}

extension PickerMetrics {
  /// Names of all families that a page can have, in order; older names are among them when they are written.
  var familyNames: [String] {
    let own = families.all.map(\.descriptor.name)
      .filter { options.streamMetrics || !$0.hasPrefix("llm_d_epp_extproc_") }
    return (own + (options.legacyMetrics ? MetricAlias.all.filter { own.contains($0.family) }.map(\.name) : []))
      .sorted()
  }

  func endpointSeries(name: String, namespace: String, port: UInt16) -> EndpointSeries {
    endpointSeries(
      for: Endpoint(
        name: name, namespace: namespace, address: EndpointAddress(host: "10.0.0.1", port: port),
        slot: EndpointSlot(index: 0, generation: 0)))
  }

  var text: String { String(decoding: page(), as: UTF8.self) }

  /// The lines of one family, its header among them.
  func lines(of family: String) -> [String] {
    var lines: [String] = []
    var isInside = false
    for line in text.split(separator: "\n").map(String.init) {
      if line.hasPrefix("# HELP ") { isInside = line.hasPrefix("# HELP \(family) ") }
      if isInside { lines.append(line) }
    }
    return lines
  }

  func samples(of family: String) -> [String] { lines(of: family).filter { !$0.hasPrefix("#") } }
}
