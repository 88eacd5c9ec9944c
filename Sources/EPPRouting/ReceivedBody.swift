/// How much of a request's body is there when it is routed.
package enum ReceivedBody: Sendable, Equatable {
  /// Nothing: the request has no body, or the gateway keeps it back until it is too late.
  case none
  /// All of it.
  case whole
  /// The beginning, perhaps all of it (BUFFERED_PARTIAL).
  case beginning
}
