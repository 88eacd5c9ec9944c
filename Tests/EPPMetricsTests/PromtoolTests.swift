import EPPCore
import Foundation
import Testing

@testable import EPPMetrics

/// Prometheus' own checker reads a page in which every family has a series.
@Suite struct PromtoolTests {
  @Test func promtoolAcceptsThePage() throws {
    var options = PickerMetrics.Options()
    options.streamMetrics = true
    let metrics = PickerMetrics(options: options)
    fill(metrics)
    let written = metrics.text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }
      .compactMap { $0.split(separator: " ").dropFirst(2).first.map(String.init) }
    #expect(written == metrics.familyNames)

    let result = try check(page: metrics.page(of: usage))
    // llm-d's prefix `llm_d_` looks to promtool like the unit `d`; nothing else may be said.
    let complaints = result.output.split(separator: "\n").filter { line in
      !(line.hasPrefix("llm_d_") && line.hasSuffix("metric names should not contain abbreviated units"))
    }
    #expect(complaints.isEmpty, "\(complaints)")
    #expect(result.status == 0 || result.status == 3, "promtool ended with \(result.status)")
  }

  @Test func promtoolAcceptsThePageOfASidecar() throws {
    let metrics = SidecarMetrics()
    metrics.requests(api: "completions").increment()
    metrics.disaggregated(connector: "nixlv2").increment()
    for stage in SidecarMetrics.Stage.allCases {
      metrics.duration(stage, connector: "nixlv2").observe(.milliseconds(12))
      metrics.errors(stage, connector: "nixlv2").increment()
    }
    metrics.answers(status: 200).increment()
    metrics.answers(status: 7).increment()
    metrics.durations().observe(.milliseconds(12))
    metrics.fallbacks(connector: "nixlv2").increment()
    metrics.refusedTargets(reason: "network").increment()
    metrics.sessionRequests(.returning).increment()
    metrics.requestBytes().increment(by: 5)
    metrics.responseBytes().increment(by: 5)
    metrics.requestsInFlight().set(1)
    metrics.clientConnections().set(1)
    metrics.traceSeries().exported.increment()
    let page = metrics.page(of: usage)
    let text = String(decoding: page, as: UTF8.self)
    #expect(text.split(separator: "\n").filter { $0.hasPrefix("# TYPE ") }.count == 21)
    #expect(text.contains(#"routing_sidecar_responses_total{code="0"} 1"#))
    let result = try check(page: page)
    let complaints = result.output.split(separator: "\n").filter { line in
      !(line.hasPrefix("llm_d_") && line.hasSuffix("metric names should not contain abbreviated units"))
    }
    #expect(complaints.isEmpty, "\(complaints)")
  }

  @Test func promtoolRefusesABrokenPage() throws {
    let result = try check(page: Array("# TYPE x counter\nx{l=\"a} 1\n".utf8))
    #expect(result.status == 1)
  }

  private var usage: ProcessUsage? {
    let fields = "S 1 2 3 0 -1 4 5 6 7 8 250 150 0 0 20 0 9 0 6000 1000000 300 4"
    var usage = ProcessUsage(stat: "7 (a ) b) \(fields)\n", bootTime: 1000, ticks: 100, pageBytes: 4096)
    usage?.openFiles = 5
    usage?.maximumFiles = 1024
    return usage
  }

  @Test func theProcessIsReadFromItsFile() throws {
    let usage = try #require(usage)
    #expect(usage.cpuSeconds == 4)
    #expect(usage.startTime == 1060)
    #expect(usage.virtualBytes == 1_000_000)
    #expect(usage.residentBytes == 300 * 4096)
    #expect(ProcessUsage(stat: "7 (a) S 1 2", bootTime: 0, ticks: 100, pageBytes: 4096) == nil)
    #expect(ProcessUsage(stat: "", bootTime: 0, ticks: 100, pageBytes: 4096) == nil)
    let page = String(decoding: SidecarMetrics().page(of: usage), as: UTF8.self)
    #expect(page.contains("# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total 4\n"))
  }

  /// One write to every family.
  private func fill(_ metrics: PickerMetrics) {
    let series = metrics.requestSeries(model: "m\"\\", targetModel: "t", fairnessID: "f", priority: 0)
    series.requests.increment()
    series.countError(.unknown)
    for histogram in [
      series.requestSize, series.responseSize, series.inputTokens, series.outputTokens, series.cachedTokens,
    ] {
      histogram.observe(1000)
    }
    for histogram in [
      series.duration, series.normalizedTimePerOutputToken, series.timeToFirstTokenStreaming,
      series.timeToFirstTokenUnary, series.timeToResponseHeaders, series.timePerOutputToken, series.interTokenLatency,
    ] {
      histogram.observe(.milliseconds(12))
    }
    let endpoint = metrics.endpointSeries(name: "e", namespace: "default", port: 8000)
    endpoint.attempts(targetModel: "t").increment()
    endpoint.inFlight(fairnessID: "f", priority: 0).tokens.add(100)
    endpoint.sessions.kept.increment()
    endpoint.sessions.held.set(7)
    metrics.ignoredSessionTokens().forged.increment()
    metrics.largestAddressShare().set(0.75)
    metrics.pluginDuration(extensionPoint: "Scorer", type: "queue-scorer", name: "queue-scorer").observe(
      nanoseconds: 900)
    metrics.pollErrors().increment()
    metrics.extractErrors().increment()
    let indexer = metrics.prefixIndexer(pluginName: "p", pluginType: "prefix-cache-scorer")
    indexer.hitRatio.observe(ratio: 0.5)
    indexer.hitBytes.observe(64)
    metrics.streams(status: 0).increment()
    metrics.streams(status: 99).increment()
    metrics.kvEventSeries().streams(in: "live").set(1)
    let events = metrics.kvEventSeries()
    events.setSubscribers(1, waiting: 2)
    events.skippedStores(cacheKind: "mamba", reason: "unsupported_cache_kind").increment()
    events.skippedRemovals(cacheKind: "mamba", reason: "unsupported_cache_kind").increment()
    metrics.kubernetesSeries(resource: "pods").contactAge.set(1)
    metrics.leaderGauge().set(1)
    metrics.countRewrite(by: "canary", model: "m", targetModel: "t")
    metrics.countDisaggregation(
      pluginName: "p", pluginType: "disagg-profile-handler", model: "m", decisionType: "prefill-decode")
    metrics.reloadSeries().setLoaded(at: 1)
    metrics.traceSeries().exported.increment()
    metrics.prefixAffinity(pluginName: "p").count(.sticky)
    metrics.decisions(profile: "default", scorers: ["queue-scorer"]).count(.scorer(row: 0))
    let encoder = metrics.encoderCache(pluginName: "p", pluginType: "mm-embeddings-cache-producer")
    encoder.countQuery(.image)
    encoder.countHit(.image, endpoint: "e")
    encoder.ratio.observe(ratio: 0.5)
    metrics.setSaturation(detector: "d", prefill: 0.5, decode: 0.25, effective: 0.5, staleEndpoints: 1)
    metrics.prefixPredictions(pluginName: "p", pluginType: "t").observe(
      .init(prompt: 100, predicted: 50, bestPredicted: 60, bestAvailable: 70), .prefill,
      media: [MediaItem(digest: 1, modality: .image)])
    metrics.blockLookups().count(longestMatch: 2, time: .milliseconds(1))
    metrics.tokenSeries().renderDuration.observe(.milliseconds(3))
    let stream = metrics.kvStreamSeries(endpoint: "e", address: "10.0.0.1:8000", rank: 0)
    stream.state.set(2)
    stream.errors(.connect).increment()
    stream.lastReplay().set(1_700_000_000)
  }

  private struct PromtoolResult {
    var status: Int32
    var output: String
  }

  private func check(page: [UInt8]) throws -> PromtoolResult {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/promtool")
    process.arguments = ["check", "metrics"]
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    process.standardError = output
    try process.run()
    // The page is larger than a pipe holds; promtool reads it before it writes.
    try input.fileHandleForWriting.write(contentsOf: Data(page))
    try input.fileHandleForWriting.close()
    let text = try output.fileHandleForReading.readToEnd() ?? Data()
    process.waitUntilExit()
    return PromtoolResult(status: process.terminationStatus, output: String(decoding: text, as: UTF8.self))
  }
}
