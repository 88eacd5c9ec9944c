import NIOCore

/// The times and the destination of an exchange.
struct ExchangeRecord {
  /// When the request should have started; earlier than `opened` when an open-loop run is late.
  var intended: NIODeadline
  /// When the stream was opened.
  var opened: NIODeadline
  /// When the last byte of the request body was given to the socket; nil before.
  var bodySent: NIODeadline?
  /// When the reply to the request's headers came; nil before.
  var picked: NIODeadline?
  /// When the headers and the whole body had come back; nil before.
  var routed: NIODeadline?
  /// Number of response chunks that were sent.
  var chunks = 0
  /// Index of the request's group.
  var group: Int
  /// Index of the chosen endpoint in `ExchangePool.destinations`; nil before the choice.
  var destination: Int?
}
