package import EPPCore
package import EPPMetrics
package import EPPTracing
package import Logging

/// Sends a document of spans somewhere.
package protocol TraceTransport: Sendable {
  /// Where to, for the log.
  var destination: String { get }
  /// Makes one attempt.
  func send(_ document: [UInt8]) async -> ExportOutcome
  /// Closes what is open.
  func shutdown() async
}

/// Exports spans in batches, in a task of its own. A collector that does not answer costs the memory of the buffer, and no request
/// waits for it.
package final class TraceExporter: Sendable {
  /// Where requests leave their spans.
  package let buffer: SpanBuffer
  private let settings: TraceSettings
  private let transport: any TraceTransport
  private let series: TraceSeries
  private let logger: Logger
  private let scope: (name: String, version: String)
  private let now: @Sendable () -> MonotonicTime

  /// - Parameters:
  ///   - scope: the name and the version of the program.
  package init(
    _ settings: TraceSettings, transport: any TraceTransport, series: TraceSeries,
    scope: (name: String, version: String), logger: Logger, now: @escaping @Sendable () -> MonotonicTime
  ) {
    self.settings = settings
    self.transport = transport
    self.series = series
    self.scope = scope
    self.logger = logger
    self.now = now
    buffer = SpanBuffer(capacity: settings.capacity, batch: settings.batch, dropped: series.dropped)
  }

  /// Begins traces whose spans are exported.
  package var tracing: RequestTracing {
    RequestTracing(tracer: SpanTracer(sampler: settings.sampler, sink: buffer), clock: now)
  }

  /// Exports until the task is cancelled.
  package func run() async {
    logger.info("exporting traces", metadata: ["to": "\(transport.destination)"])
    var attempts = ExportAttempts(timeout: settings.exportTimeout, place: .random(in: 0..<1))
    while !Task.isCancelled {
      await buffer.waitForBatch(atMost: settings.delay)
      await export(&attempts)
    }
  }

  /// Exports what is left, for at most `limit` and without a second attempt, and closes the connection.
  package func finish(within limit: Duration) async {
    _ = await withTimeLimit(limit) { [self] in
      var attempts = ExportAttempts(timeout: .zero, place: 0)
      while attempts.failure == nil, let batch = buffer.take() {
        let outcome = await transport.send(document(of: batch))
        count(attempts.ended(outcome, count: batch.count, now: now()), of: batch)
      }
    }
    series.failed.increment(by: buffer.removeAll())
    await transport.shutdown()
  }

  private func document(of batch: [SpanRecord]) -> [UInt8] {
    OTLPTraces(batch, resource: settings.resource, scope: scope).bytes()
  }

  private func count(_ step: ExportAttempts.Step, of batch: [SpanRecord]) {
    guard case .done(let lost) = step else { return }
    series.exported.increment(by: batch.count - lost)
    series.failed.increment(by: lost)
  }

  /// Exports all spans that wait, or until the task is cancelled.
  private func export(_ attempts: inout ExportAttempts) async {
    while !Task.isCancelled, let batch = buffer.take() {
      guard await export(batch, &attempts) else { return }
    }
  }

  /// Exports a batch. Returns false when the task was cancelled before; the batch is then put back.
  private func export(_ batch: [SpanRecord], _ attempts: inout ExportAttempts) async -> Bool {
    let document = document(of: batch)
    while true {
      attempts.begin(now: now())
      let hadFailed = attempts.failure != nil
      let outcome = await transport.send(document)
      if Task.isCancelled, case .later = outcome {
        buffer.putBack(batch)
        return false
      }
      let step = attempts.ended(outcome, count: batch.count, now: now())
      note(attempts.failure, hadFailed: hadFailed)
      count(step, of: batch)
      switch step {
      case .done:
        if let pause = attempts.pause() { try? await Task.sleep(for: pause) }
        return true
      case .again(let delay):
        if (try? await Task.sleep(for: delay)) == nil {
          buffer.putBack(batch)
          return false
        }
      }
    }
  }

  /// Logs a failure once, until an export succeeds.
  private func note(_ failure: String?, hadFailed: Bool) {
    let metadata: Logger.Metadata = ["to": "\(transport.destination)"]
    if let failure, !hadFailed {
      logger.warning("traces cannot be exported; requests are served as before: \(failure)", metadata: metadata)
    } else if failure == nil, hadFailed {
      logger.notice("traces are exported again", metadata: metadata)
    }
  }
}
