/// What the gateway says about a request beside its body.
package struct RequestContext: Sendable {
  /// `x-request-id`, or one made here when the gateway sends none.
  package var requestID: String
  package var headers: RequestHeaders
  package var subset: SubsetHint
  /// The peer's address as the gateway's `source.address` attribute gives it, without the port; nil when not sent.
  package var sourceAddress: String?

  package init(
    requestID: String, headers: RequestHeaders = RequestHeaders(), subset: SubsetHint = .absent,
    sourceAddress: String? = nil
  ) {
    self.requestID = requestID
    self.headers = headers
    self.subset = subset
    self.sourceAddress = sourceAddress
  }
}

/// The gateway's wish that only some endpoints be considered.
package enum SubsetHint: Sendable, Equatable {
  /// No hint: the whole pool.
  case absent
  /// Destinations as `ip:port`, matched exactly; an empty list means that no endpoint may be picked.
  case only([String])
}
