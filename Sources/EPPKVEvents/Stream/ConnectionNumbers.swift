/// The numbers that the present connection allows.
struct ConnectionNumbers: Sendable {
  /// The next number when the connection came up: a lower one on this connection is a restart, or a message of the old one. 0 when
  /// it is known to be the latter.
  var nextAtConnect: UInt64 = 0
  /// The last number on this connection.
  var last: UInt64?
}
