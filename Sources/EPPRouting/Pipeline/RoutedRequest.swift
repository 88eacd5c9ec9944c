package import EPPCore
package import EPPRequests

/// A routed request.
package struct RoutedRequest {
  /// `ip:port` of the pick, or several separated by commas, best first.
  package let destination: String
  /// The weighted sums of all candidates by destination; empty without `--emit-endpoint-scores`.
  package let scores: [(destination: String, score: Double)]
  /// The change of the body; nil for none.
  package let rewrite: ModelRewrite?
  /// The client's name for the model when the request is rewritten, to be restored in the answer; else nil.
  package let clientModel: String?
  /// Headers that plugins set on the request; they replace headers with equal names.
  package let headers: [RequestHeaders.Field]
  /// The request in flight; nil when its end is not seen.
  package let flight: InFlightRequest?
}

/// The result of routing.
package enum RouteOutcome {
  case routed(RoutedRequest)
  case refused(Rejection)
  /// The request has to wait; `RequestPipeline.resume` continues it.
  case suspended(Suspension)
}
