/// A stream of `grpc.health.v1.Health/Watch`: the status now, and again each time it changes.
final class HealthWatcher: CallHandler, @unchecked Sendable {
  // Unchecked: all state belongs to the call's thread. `wake()` touches only the call's thread-safe wake, under the
  // lock of HealthState, which `closed()` takes before the call goes away.

  private let call: ServerCall
  private let health: HealthState
  private var service: String?
  private var lastSent: HealthState.Status?

  init(call: ServerCall, health: HealthState) {
    self.call = call
    self.health = health
  }

  func wake() { call.wake() }

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
    health.add(self)
    sendIfChanged()
  }

  func sent() {
    isSending = false
    sendIfChanged()
  }

  func woken() { sendIfChanged() }

  func closed() { health.remove(self) }

  /// A message is on its way; only one may be.
  private var isSending = false

  private func sendIfChanged() {
    guard let service, !isSending, call.isOpen else { return }
    let status = health.status(of: service)
    guard status != lastSent else { return }
    lastSent = status
    isSending = true
    call.enqueue(HealthMessages.response(status))
    call.flush(then: .nothing)
  }
}
