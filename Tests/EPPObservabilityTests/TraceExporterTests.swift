import EPPCore
import EPPMetrics
import EPPTestKit
import Foundation
import NIOHTTP1
import Synchronization
import Testing
import Tracing

@testable import EPPObservability
@testable import EPPTracing

@Suite struct TraceExporterTests {
  private static let identity = TraceContext(
    traceID: .init(high: 0x4bf9_2f35_77b3_4da6, low: 0xa3ce_929d_0e0e_4736), spanID: 0xf067_aa0b_a902_b7,
    isSampled: true, state: "v=1")

  private static func span(_ name: String = "s") -> SpanRecord {
    SpanRecord(
      name: name, kind: .server, context: identity, parentID: 0x11, isParentRemote: true,
      start: 1_700_000_000_000_000_001,
      end: 1_700_000_000_000_000_009,
      attributes: ["text": "a\"b", "whole": 3, "part": 0.5, "is": true, "list": .stringArray(["x", "y"])],
      events: [SpanEvent(name: "e", at: DefaultTracerClock.Timestamp(nanosecondsSinceEpoch: 7))], links: [],
      status: SpanStatus(code: .error, message: "no"))
  }

  // MARK: - The document

  @Test func theDocumentIsThatOfOTLP() throws {
    let document = OTLPTraces(
      [Self.span()], resource: [.init(key: "service.name", value: "epp")], scope: ("epp", "1"))
    let expected = #"""
      {"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"epp"}}]},"scopeSpans":[
      {"scope":{"name":"epp","version":"1"},"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736",
      "spanId":"00f067aa0ba902b7","traceState":"v=1","parentSpanId":"0000000000000011","flags":769,"name":"s","kind":2,
      "startTimeUnixNano":"1700000000000000001","endTimeUnixNano":"1700000000000000009","attributes":[
      {"key":"is","value":{"boolValue":true}},
      {"key":"list","value":{"arrayValue":{"values":[{"stringValue":"x"},{"stringValue":"y"}]}}},
      {"key":"part","value":{"doubleValue":0.5}},{"key":"text","value":{"stringValue":"a\"b"}},
      {"key":"whole","value":{"intValue":"3"}}],
      "events":[{"timeUnixNano":"7","name":"e","attributes":[]}],"status":{"code":2,"message":"no"}}]}]}]}
      """#
    let made = try JSONSerialization.jsonObject(with: Data(document.bytes())) as? NSDictionary
    let wanted = try JSONSerialization.jsonObject(with: Data(expected.utf8)) as? NSDictionary
    #expect(made != nil && made == wanted)
    #expect(!document.bytes().contains(UInt8(ascii: "\n")))
  }

  @Test func numbersThatJSONDoesNotHaveAreTexts() {
    var span = Self.span()
    span.attributes = ["a": .double(.infinity), "b": .doubleArray([.nan])]
    let text = String(
      decoding: OTLPTraces([span], resource: [], scope: ("", "")).bytes(), as: UTF8.self)
    #expect(text.contains(#"{"stringValue":"inf"}"#) && text.contains(#"{"stringValue":"nan"}"#))
  }

  // MARK: - The buffer

  @Test func theBufferIsBoundedAndCountsWhatItDrops() async {
    let dropped = Counter()
    let buffer = SpanBuffer(capacity: 5, batch: 2, dropped: dropped)
    for number in 0..<8 { buffer.record(Self.span("\(number)")) }
    #expect(dropped.value == 3)
    await buffer.waitForBatch(atMost: .seconds(1000))
    let first = buffer.take()
    #expect(first?.map(\.name) == ["0", "1"])
    buffer.record(Self.span("8"))
    buffer.putBack(first ?? [])
    // The newest has no room any more.
    #expect(dropped.value == 4)
    #expect((0..<3).map { _ in buffer.take()?.map(\.name) } == [["0", "1"], ["2", "3"], ["4"]])
    #expect(buffer.take() == nil)
  }

  // MARK: - Attempts

  @Test func aBatchIsTriedAgainUntilItsTimeIsOver() {
    var attempts = ExportAttempts(timeout: .seconds(5), place: 0)
    var now = MonotonicTime(nanoseconds: 0)
    attempts.begin(now: now)
    #expect(attempts.ended(.later(reason: "down", after: nil), count: 4, now: now) == .again(after: .seconds(1)))
    now = now.advanced(by: .seconds(1))
    attempts.begin(now: now)
    #expect(
      attempts.ended(.later(reason: "busy", after: .seconds(3)), count: 4, now: now) == .again(after: .seconds(3)))
    now = now.advanced(by: .seconds(3))
    attempts.begin(now: now)
    #expect(attempts.ended(.later(reason: "down", after: nil), count: 4, now: now) == .done(lost: 4))
    // The next batch does not come at once, and a success makes all good.
    #expect(attempts.pause() == .seconds(4))
    attempts.begin(now: now)
    #expect(attempts.ended(.taken(rejected: 0, reason: ""), count: 4, now: now) == .done(lost: 0))
    #expect(attempts.pause() == nil && attempts.failure == nil)
    attempts.begin(now: now)
    #expect(attempts.ended(.taken(rejected: 9, reason: "r"), count: 4, now: now) == .done(lost: 4))
    attempts.begin(now: now)
    #expect(attempts.ended(.refused(reason: "404"), count: 4, now: now) == .done(lost: 4))
  }

  @Test func answersSayWhatBecomesOfTheBatch() {
    func outcome(_ status: HTTPResponseStatus, _ body: String = "", _ headers: HTTPHeaders = [:]) -> ExportOutcome {
      CollectorTransport.outcome(status, headers, Data(body.utf8))
    }
    let taken = ExportOutcome.taken(rejected: 0, reason: "")
    #expect(outcome(.ok, "{}") == taken && outcome(.ok) == taken && outcome(.accepted, "no JSON") == taken)
    #expect(outcome(.ok, #"{"partialSuccess":{"rejectedSpans":"0","errorMessage":"w"}}"#) == taken)
    #expect(
      outcome(.ok, #"{"partialSuccess":{"rejectedSpans":"2","errorMessage":"full"}}"#)
        == .taken(rejected: 2, reason: "the collector rejected 2 spans: full"))
    for status in [HTTPResponseStatus.tooManyRequests, .badGateway, .serviceUnavailable, .gatewayTimeout] {
      #expect(
        outcome(status, "", ["retry-after": "7"])
          == .later(reason: "the collector answered with status \(status.code)", after: .seconds(7)))
    }
    for status in [HTTPResponseStatus.badRequest, .notFound, .internalServerError, .found] {
      guard case .refused = outcome(status) else {
        Issue.record("\(status)")
        continue
      }
    }
  }

  // MARK: - The whole

  /// A collector that answers as it is told to, and that tells who waits for it of each attempt.
  private final class PlayedCollector: TraceTransport {
    let destination = "a test"
    let attempts = Mutex<[String]>([])
    let outcome = Mutex(ExportOutcome.taken(rejected: 0, reason: ""))

    func send(_ document: [UInt8]) async -> ExportOutcome {
      attempts.withLock { $0.append(String(decoding: document, as: UTF8.self)) }
      return outcome.withLock { $0 }
    }

    func shutdown() async {}
  }

  private func exporter(_ collector: PlayedCollector, _ metrics: PickerMetrics, _ log: LogRecorder) -> TraceExporter {
    var settings = TraceSettings(destination: .console)
    settings.sampler = TraceSampler(ratio: 1, followsCaller: false)
    settings.batch = 2
    settings.capacity = 4
    settings.delay = .seconds(1000)
    settings.exportTimeout = .seconds(5000)
    return TraceExporter(
      settings, transport: collector, series: metrics.traceSeries(), scope: ("epp", "1"), logger: log.logger,
      now: { MonotonicTime(nanoseconds: 0) })
  }

  @Test func fullBatchesAreExportedAndTheRestAtTheEnd() async {
    let (collector, metrics, log) = (PlayedCollector(), PickerMetrics(), LogRecorder())
    let exporter = exporter(collector, metrics, log)
    let running = Task { await exporter.run() }
    for _ in 0..<3 { exporter.tracing.tracer.startSpan("x", context: .topLevel).end() }
    #expect(await eventually { collector.attempts.withLock { $0.count } >= 1 })
    running.cancel()
    await running.value
    await exporter.finish(within: .seconds(1000))
    let counts = collector.attempts.withLock { $0.map { $0.components(separatedBy: "spanId").count - 1 } }
    #expect(counts.reduce(0, +) == 3 && counts.allSatisfy { $0 <= 2 })
    let page = String(decoding: metrics.page(), as: UTF8.self)
    #expect(page.contains("epp_trace_spans_total{result=\"exported\"} 3\n"))
  }

  @Test func aCollectorThatIsAwayIsOneWarningAndABoundedBuffer() async {
    let (collector, metrics, log) = (PlayedCollector(), PickerMetrics(), LogRecorder())
    collector.outcome.withLock { $0 = .later(reason: "connection refused", after: .seconds(1000)) }
    let exporter = exporter(collector, metrics, log)
    let running = Task { await exporter.run() }
    for _ in 0..<2 { exporter.tracing.tracer.startSpan("x", context: .topLevel).end() }
    #expect(await eventually { log.lines(containing: "traces cannot be exported").count == 1 })
    // Two are held for the next attempt, and there is room for four.
    for _ in 0..<7 { exporter.tracing.tracer.startSpan("x", context: .topLevel).end() }
    #expect(metrics.traceSeries().dropped.value == 3)
    running.cancel()
    await running.value
    #expect(metrics.traceSeries().dropped.value == 5)
    await exporter.finish(within: .seconds(1000))
    #expect(collector.attempts.withLock { $0.count } == 2)
    #expect(metrics.traceSeries().failed.value == 4 && metrics.traceSeries().exported.value == 0)
  }

  @Test func anExportThatGoesThroughAgainIsSaid() async {
    let (collector, metrics, log) = (PlayedCollector(), PickerMetrics(), LogRecorder())
    collector.outcome.withLock { $0 = .refused(reason: "404") }
    let exporter = exporter(collector, metrics, log)
    let running = Task { await exporter.run() }
    for _ in 0..<2 { exporter.tracing.tracer.startSpan("x", context: .topLevel).end() }
    #expect(await eventually { metrics.traceSeries().failed.value == 2 })
    collector.outcome.withLock { $0 = .taken(rejected: 0, reason: "") }
    for _ in 0..<2 { exporter.tracing.tracer.startSpan("x", context: .topLevel).end() }
    #expect(await eventually { log.lines(containing: "traces are exported again").count == 1 })
    running.cancel()
    await running.value
    await exporter.finish(within: .seconds(1000))
    #expect(log.lines(containing: "traces cannot be exported").count == 1)
  }
}
