package import EPPCore

/// The connection of one `ExtProcSession`: carries its messages in both directions, and owns the memory of their bytes.
///
/// The session calls all functions on the thread of the stream, one at a time, while it handles an event.
package protocol ExtProcTransport: AnyObject {
  /// Whether a reply may still be sent: neither side has ended the stream.
  var isOpen: Bool { get }
  /// Asks for the gateway's next message; `ExtProcSession.received` is called with it.
  func receive()
  /// Queues a message.
  func enqueue(_ message: ReplyMessage)
  /// Adds dynamic metadata to the next message that is queued.
  func attach(_ attributes: [ReportedAttribute])
  /// Sends the queued messages.
  func flush()
  /// Sends the queued messages, and asks for the next message in one batch with the last of them. Nothing else can be sent
  /// before the next message has come.
  func flushAndReceive()
  /// Sends the queued messages, and ends the stream with status OK in one batch with the last of them.
  func flushAndClose()
  /// Ends the stream with a status. Queued messages are not sent.
  func close(_ status: StreamStatus)
  /// Sets the time at which `ExtProcSession.deadlinePassed` is called; replaces an earlier one, and nil removes it.
  func setDeadline(_ time: MonotonicTime?)
  /// Returns the current time, on the clock of all times that are passed to the session.
  func readClock() -> MonotonicTime
  /// Makes an object with which any thread can have `ExtProcSession.woken` called on the stream's thread.
  func makeWaker() -> any StreamWaker

  /// Calls `body` with the bytes of a range of the current message, piece by piece and in order.
  func forEachPiece(of range: Range<Int>, _ body: (RawSpan) -> Void)
  /// Appends a range of the current message to the request's body.
  ///
  /// - Parameter reservation: Counts the body's memory, including this range. The transport keeps it as long as the memory.
  func keep(_ range: Range<Int>, in reservation: BodyReservation)
  /// Calls `body` with the request's body so far.
  func withRequestBody<Result>(_ body: (RawSpan) -> Result) -> Result
  /// Releases the request's body, except the parts that are queued or being sent.
  func releaseRequestBody()
}

/// Has a stream's thread call `ExtProcSession.woken`.
package protocol StreamWaker: Sendable {
  /// Makes the stream's thread call `ExtProcSession.woken`. Any thread may call it; it does nothing after `stop`.
  func wake()
  /// Ends waking: after this has returned, `wake` has no effect.
  func stop()
}
