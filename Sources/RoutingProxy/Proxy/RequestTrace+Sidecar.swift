import EPPCore
import EPPTracing
import NIOHTTP1

extension RequestTracing {
  /// Begins the trace of a client's request.
  func begin(_ head: HTTPRequestHead, connector: KVConnectorKind, at start: MonotonicTime) -> Begun {
    let begun = begin(.sidecarRequest, under: TraceContext { head.headers.first(name: $0) }, at: start)
    guard let trace = begun.trace else { return begun }
    trace.set(.method, head.method.rawValue)
    trace.set(.path, String(head.uri.prefix { $0 != "?" }))
    trace.set(.connector, connector.rawValue)
    if let id = head.headers.first(name: HeaderName.requestID) { trace.set(.requestID, id) }
    return begun
  }
}

extension RequestTrace {
  /// Ends the request.
  ///
  /// - Parameters:
  ///   - status: the status of its answer; nil when there was none.
  ///   - isComplete: whether the whole answer was written.
  func end(status: HTTPResponseStatus?, isComplete: Bool) {
    if let status {
      set(.status, Int(status.code))
      if status.code >= 500 {
        fail("the answer has status \(status.code)")
      } else if !isComplete {
        fail("the answer was broken off")
      }
    } else {
      fail("the client left before the answer")
    }
    finish()
  }

  /// Begins a request to an engine, whose spans become children of this one's.
  func child(_ name: SpanName, at engine: EndpointAddress, _ head: inout HTTPRequestHead) -> RequestSpan {
    let span = child(name)
    span.set(.target, "\(engine)")
    head.headers.replaceOrAdd(name: span.header.name, value: span.header.value)
    return span
  }
}

extension RequestSpan {
  /// Ends a request to an engine with its answer; nil when there is none.
  func end(_ answer: CollectedLeg.Answer?) {
    guard let answer else { return end(failure: "the engine did not answer") }
    set(.status, Int(answer.head.status.code))
    end(failure: answer.isSuccess ? nil : "the engine answered with status \(answer.head.status.code)")
  }
}
