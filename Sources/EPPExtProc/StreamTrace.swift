import EPPCore
import EPPTracing

/// The trace of the request of one stream, and what the engine is told of it.
struct StreamTrace {
  /// The gateway's span of the stream; nil when it named none.
  private let gateway: TraceContext?
  /// The trace; nil when it is not recorded.
  private(set) var recorded: RequestTrace?
  /// The header that tells the engine of the trace; nil where the request's own one stays.
  private(set) var header: RequestHeaders.Field?

  /// - Parameters:
  ///   - isOn: Whether traces are recorded at all.
  ///   - metadata: The value that the gateway has sent with the stream under a name; nil for none.
  init(isOn: Bool, metadata: (_ name: String) -> String?) {
    // Envoy sends its own span with the stream when it traces, and only the client's in the headers of the request.
    gateway = isOn ? TraceContext(header: metadata) : nil
  }

  /// Begins the trace at the request's headers.
  mutating func begin(_ tracing: RequestTracing, _ headers: RequestHeaders, requestID: String, at start: MonotonicTime)
  {
    let decision = tracing.begin(.request, under: gateway ?? TraceContext { headers.first($0) }, at: start)
    header = decision.header
    recorded = decision.trace
    recorded?.set(.requestID, requestID)
  }

  /// Says that the picker has answered the request itself.
  func refuse(_ rejection: Rejection) {
    recorded?.set(.status, rejection.status.rawValue)
    recorded?.fail(rejection.message)
  }
}
