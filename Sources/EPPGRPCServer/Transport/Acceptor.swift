import CGRPCShim

/// Takes the calls of one port on one worker's thread.
final class Acceptor {
  /// Calls that wait for a client on each queue; one is posted anew for each that is accepted.
  private static let postedCalls = 128

  private let listener: Listener
  let factory: any CallHandlerFactory

  init(_ listener: Listener) {
    self.listener = listener
    factory = listener.makeFactory()
  }

  /// Posts the first calls.
  func post(on queue: OpaquePointer) {
    for _ in 0..<Self.postedCalls { unsafe postOne(on: queue) }
  }

  /// Posts one more.
  func postOne(on queue: OpaquePointer) {
    _ = unsafe ServerCall(acceptor: self).request(server: listener.server, queue: queue)
  }

  /// The next time at which the port's calls want to be looked at.
  var nextDeadline: UInt64? { factory.nextDeadline }

  func checkDeadline() {
    guard let deadline = factory.nextDeadline else { return }
    let now = epp_monotonic_now()
    if now >= deadline { factory.deadlinePassed(now: now) }
  }
}
