/// Handles a call of `grpc.health.v1.Health/Watch`: sends the status at once, and again after each change.
final class HealthWatcher: CallHandler {
  private let call: ServerCall
  private let waker: CallWaker
  private let health: HealthState
  private var service: String?
  private var observation: HealthState.Observation?
  private var lastSent: HealthState.Status?

  init(call: ServerCall, health: HealthState) {
    self.call = call
    waker = CallWaker(call)
    self.health = health
  }

  func received(_ message: consuming SliceList?) {
    // One request; afterwards only the client's end is of interest, which `closed()` tells.
    guard service == nil else { return }
    guard let message = message else {
      call.close(.invalidArgument, "Watch needs a request")
      return
    }
    guard let service = HealthMessages.service(of: message) else {
      call.close(.invalidArgument, "not a HealthCheckRequest")
      return
    }
    self.service = service
    observation = health.observe { [waker] in waker.wake() }
    sendIfChanged()
  }

  func sent() {
    isSending = false
    sendIfChanged()
  }

  func woken() { sendIfChanged() }

  func deadlinePassed() {}

  func closed() {
    if let observation { health.endObservation(observation) }
    // A change on another thread may still call the observer after `endObservation`.
    waker.stop()
  }

  /// Whether a message is being sent. Only one is sent at a time.
  private var isSending = false

  private func sendIfChanged() {
    guard let service, !isSending, call.isOpen else { return }
    let status = health.status(of: service)
    guard status != lastSent else { return }
    lastSent = status
    isSending = true
    call.enqueue { $0.append(copying: HealthMessages.response(status)) }
    call.flush(then: .nothing)
  }
}
