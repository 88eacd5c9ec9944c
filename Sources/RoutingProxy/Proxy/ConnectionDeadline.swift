import NIOCore

/// The moment until which a connection's other side has to do something. Moved often and reached seldom: the timer looks again when it
/// fires instead of being set anew each time. Belongs to one event loop.
final class ConnectionDeadline {
  private var loop: (any EventLoop)?
  private var time: NIODeadline?
  private var timer: Scheduled<Void>?
  private var expired: (() -> Void)?

  /// Begins without a deadline.
  ///
  /// - Parameter expired: Called on the loop when a deadline has passed, which is over then.
  func start(_ loop: any EventLoop, _ expired: @escaping () -> Void) {
    self.loop = loop
    self.expired = expired
  }

  /// Sets the deadline.
  func set(_ duration: Duration) {
    guard let loop else { return }
    let time = loop.now + TimeAmount(duration)
    let isEarlier = self.time.map { time < $0 } ?? true
    self.time = time
    if timer == nil || isEarlier { arm(time) }
  }

  /// Removes the deadline.
  func clear() { time = nil }

  /// Ends; nothing is called any more.
  func stop() {
    timer?.cancel()
    timer = nil
    expired = nil
    time = nil
  }

  private func arm(_ time: NIODeadline) {
    guard let loop else { return }
    timer?.cancel()
    let bound = NIOLoopBound(self, eventLoop: loop)
    timer = loop.scheduleTask(deadline: time) { bound.value.fired() }
  }

  private func fired() {
    timer = nil
    guard let loop, let time else { return }
    guard time <= loop.now else { return arm(time) }
    self.time = nil
    expired?()
  }
}
