/// The implementation of one call of a service. All functions are called on the thread of the call's worker, one at a time.
protocol CallHandler: AnyObject {
  /// Handles a message that `ServerCall.receive` has asked for; nil when the client sends no more.
  func received(_ message: consuming SliceList?)
  /// Called when all queued messages have been sent, unless the last one was sent together with a receive or the end.
  func sent()
  /// Called after `ServerCall.wake()`.
  func woken()
  /// Called at the time of `ServerCall.setDeadline`.
  func deadlinePassed()
  /// Called at the end of the call, whichever side ended it. No other function is called afterwards.
  func closed()
}

/// Makes the handlers of the calls of one worker thread, and holds the state that they share on the thread.
protocol CallHandlerFactory: AnyObject {
  /// Makes the handler of a call of a method such as `/grpc.health.v1.Health/Check`; nil when the method is not served.
  func makeHandler(method: String, call: ServerCall) -> (any CallHandler)?
}
