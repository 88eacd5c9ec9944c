package import EPPCore

/// What an `ExtProcSession` needs of the connection that carries its stream: messages in both directions, and the memory that their
/// bytes stand in.
///
/// All functions are called on the thread of the stream, one at a time, while the session handles an event.
package protocol ExtProcTransport: AnyObject {
  /// Whether a reply may still be sent: neither side has ended the stream.
  var isOpen: Bool { get }
  /// Asks for the gateway's next message, which `ExtProcSession.received` is then called with.
  func receive()
  /// Puts a message in the queue.
  func enqueue(_ message: ReplyMessage)
  /// Sends what is in the queue, and nothing more unless the session says so.
  func flush()
  /// Sends what is in the queue and asks for the next message together with the last of it. Until that has come nothing else can be
  /// sent.
  func flushAndReceive()
  /// Sends what is in the queue, and ends the stream together with the last of it.
  func flushAndClose()
  /// Ends the stream; what is in the queue is not sent.
  func close(_ status: StreamStatus)
  /// Calls `ExtProcSession.deadlinePassed` at a time; nil takes back what was set before. A stream has one deadline at most.
  func setDeadline(_ time: MonotonicTime?)
  /// The present, on the clock of all times that the session is told.
  func readClock() -> MonotonicTime
  /// A way for other threads to bring the stream back to its own, where `ExtProcSession.woken` is then called.
  func makeWaker() -> any StreamWaker

  /// Calls `body` with bytes of the message at hand, piece by piece and in order.
  func forEachPiece(of range: Range<Int>, _ body: (RawSpan) -> Void)
  /// Adds bytes of the message at hand to the request's body, for which memory has been reserved. The reservation is to be kept as
  /// long as the memory.
  func keep(_ range: Range<Int>, in reservation: BodyReservation)
  /// Calls `body` with the request's body so far.
  func withRequestBody<Result>(_ body: (RawSpan) -> Result) -> Result
  /// The request's body is not needed any more, but for what is still to be sent of it.
  func releaseRequestBody()
}

/// Brings a stream back to its thread.
package protocol StreamWaker: Sendable {
  /// Makes the stream's thread call `ExtProcSession.woken`. Any thread may call it; it does nothing after `stop`.
  func wake()
  /// After this has returned the stream is not woken any more.
  func stop()
}
