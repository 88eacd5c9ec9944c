/// Handles a call of `grpc.health.v1.Health/Check` or `List`: one request, one response.
final class HealthCheck: CallHandler {
  enum Method {
    case check
    case list
  }

  private let method: Method
  private let call: ServerCall
  private let health: HealthState
  private var isAnswered = false

  init(_ method: Method, call: ServerCall, health: HealthState) {
    self.method = method
    self.call = call
    self.health = health
  }

  func received(_ message: consuming SliceList?) {
    guard !isAnswered else { return }
    isAnswered = true
    guard let message = message, let service = HealthMessages.service(of: message) else {
      call.close(.invalidArgument, "not a health request")
      return
    }
    switch method {
    case .check: call.enqueue { $0.append(copying: HealthMessages.response(health.status(of: service))) }
    case .list: call.enqueue { $0.append(copying: HealthMessages.list(health)) }
    }
    call.flush(then: .close(.ok, nil))
  }

  func sent() {}
  func woken() {}
  func deadlinePassed() {}
  func closed() {}
}
