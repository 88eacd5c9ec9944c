/// The service side of one call. All functions are called on the thread of the call's worker, one at a time.
protocol CallHandler: AnyObject {
  /// The client sent a message that `ServerCall` was asked to receive; nil when it has finished sending.
  func received(_ message: consuming SliceList?)
  /// Everything queued has been written, and nothing is being received.
  func sent()
  /// Another thread asked for a look with `ServerCall.wake()`.
  func woken()
  /// The time of `ServerCall.setDeadline` has come.
  func deadlinePassed()
  /// The call is over, whoever ended it. Nothing else is called afterwards.
  func closed()
}

/// Makes the handlers of one worker thread's calls, and keeps what they share on that thread.
protocol CallHandlerFactory: AnyObject {
  /// The handler for a method such as `/grpc.health.v1.Health/Check`; nil for one that is not served.
  func makeHandler(method: String, call: ServerCall) -> (any CallHandler)?
}
