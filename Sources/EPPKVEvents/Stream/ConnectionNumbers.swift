/// Bounds of message numbers on the current connection.
struct ConnectionNumbers: Sendable {
  /// The next expected number at the time of the connect. A lower one on this connection is a restart, or a message of the
  /// previous connection; 0 when it is known to be the latter.
  var nextAtConnect: UInt64 = 0
  /// The last number received on this connection; nil before the first.
  var last: UInt64?
}
