import NIOCore

/// The times of an exchange and where it was sent.
struct ExchangeRecord {
  /// When the request should have started; earlier than `opened` when an open-loop run is behind.
  var intended: NIODeadline
  var opened: NIODeadline
  /// The last byte of the request body was given to the socket.
  var bodySent: NIODeadline?
  /// The headers were answered: the pick.
  var picked: NIODeadline?
  /// Headers and all of the body had come back.
  var routed: NIODeadline?
  /// Response chunks that were sent.
  var chunks = 0
  var group: Int
  /// Index in `ExchangePool.destinations`.
  var destination: Int?
}
