import EPPCore
import Testing

@testable import EPPMetrics

@Suite struct SeriesLimitTests {
  @Test func modelsBeyondTheLimitAreFoldedIntoOther() {
    var options = PickerMetrics.Options()
    options.limits.models = 3
    let metrics = PickerMetrics(options: options)
    for number in 0..<10 {
      metrics.requestSeries(model: "m\(number)", targetModel: "m\(number)", fairnessID: "f", priority: 0)
        .requests.increment()
    }
    metrics.requestSeries(model: "m1", targetModel: "m9", fairnessID: "f", priority: 0).requests.increment()
    let models = metrics.samples(of: "inference_objective_request_total")
    #expect(
      models == [
        #"inference_objective_request_total{model_name="m0",target_model_name="m0",priority="0"} 1"#,
        #"inference_objective_request_total{model_name="m1",target_model_name="m1",priority="0"} 1"#,
        #"inference_objective_request_total{model_name="m1",target_model_name="other",priority="0"} 1"#,
        #"inference_objective_request_total{model_name="m2",target_model_name="m2",priority="0"} 1"#,
        #"inference_objective_request_total{model_name="other",target_model_name="other",priority="0"} 7"#,
      ])
    #expect(metrics.seriesDropped.value == 8)
  }

  @Test func theDefaultLimitIsAThousandModels() {
    let metrics = PickerMetrics()
    for number in 0..<1_100 {
      metrics.requestSeries(model: "m\(number)", targetModel: "m\(number)", fairnessID: "f", priority: 0)
        .requests.increment()
    }
    #expect(metrics.samples(of: "llm_d_epp_request_total").count == 1_001)
  }

  @Test func combinationsBeyondTheLimitShareOneSeries() {
    var options = PickerMetrics.Options()
    options.limits.requestSeries = 2
    let metrics = PickerMetrics(options: options)
    for priority in 0..<5 {
      metrics.requestSeries(model: "m", targetModel: "m", fairnessID: "f", priority: priority).requests.increment()
    }
    #expect(
      metrics.samples(of: "llm_d_epp_request_total").last
        == #"llm_d_epp_request_total{model_name="other",target_model_name="other",fairness_id="other",priority="other"} 3"#
    )
    #expect(metrics.samples(of: "llm_d_epp_request_total").count == 3)
  }

  @Test func longValuesAreCutAtACharacterBoundary() {
    let metrics = PickerMetrics()
    let long = String(repeating: "x", count: 127) + "éé"
    let first = metrics.requestSeries(model: long, targetModel: "t", fairnessID: "f", priority: 0)
    let second = metrics.requestSeries(model: long + "more", targetModel: "t", fairnessID: "f", priority: 0)
    #expect(first === second)
    #expect(LabelValue.cleaned(long) == String(repeating: "x", count: 127))
    #expect(LabelValue.cleaned(String(repeating: "x", count: 126) + "é").utf8.count == 128)
    #expect(LabelValue.cleaned("a\tb\u{7F}c") == "a_b_c")
  }

  @Test func aFamilyFoldsSeriesBeyondItsLimit() {
    let dropped = Counter()
    let family = MetricFamily<Counter>(
      "x_total", help: "x", labels: [.reason], layout: (), limit: 2, skipsUntouched: false, dropped: dropped)
    for number in 0..<10 { family.cell(["r\(number)"]).increment() }
    #expect(family.read().map(\.labelValues) == [["other"], ["r0"], ["r1"]])
    #expect(dropped.value == 8)
  }

  @Test func anEndpointsModelsAndFlightsAreBounded() {
    var options = PickerMetrics.Options()
    options.limits.modelsPerEndpoint = 2
    options.limits.flightsPerEndpoint = 2
    options.pluginLabels.loadProducer = "load-producer"
    let metrics = PickerMetrics(options: options)
    let endpoint = metrics.endpointSeries(name: "e", namespace: "default", port: 1)
    for number in 0..<5 {
      endpoint.attempts(targetModel: "m\(number)").increment()
      endpoint.inFlight(fairnessID: "f\(number)", priority: 0).requests.add(1)
    }
    #expect(metrics.samples(of: "llm_d_epp_scheduler_attempts_total").count == 3)
    #expect(metrics.samples(of: "llm_d_epp_inflight_requests").count == 3)
    #expect(
      metrics.samples(of: "llm_d_epp_inflight_requests").last
        == #"llm_d_epp_inflight_requests{endpoint_name="e",namespace="default",producer_name="load-producer",fairness_id="other",priority="other"} 3"#
    )
  }
}
