/// What the gateway sends about a request besides its body.
package struct RequestContext: Sendable {
  /// `x-request-id`, or an id made by the picker when the gateway sends none.
  package var requestID: String
  /// The request's headers.
  package var headers: RequestHeaders
  /// The endpoints that the gateway allows.
  package var subset: SubsetHint
  /// The client's address from the gateway's `source.address` attribute, without the port; nil when not sent.
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

/// The gateway's restriction of the pick to some endpoints.
package enum SubsetHint: Sendable, Equatable {
  /// No hint: the whole pool.
  case absent
  /// Destinations as `ip:port`, matched exactly; an empty list means that no endpoint may be picked.
  case only([String])
}
