package import EPPCore
package import EPPRequests

/// A request that was given an endpoint.
package struct RoutedRequest {
  /// `ip:port`, or several separated by commas, best first.
  package let destination: String
  /// Every candidate's sum by destination, when they are to be told (`--emit-endpoint-scores`).
  package let scores: [(destination: String, score: Double)]
  /// How the body has to be changed; nil leaves it as it is.
  package let rewrite: ModelRewrite?
  /// The model's name that the client used, where the request goes on with another: answers have to show it again.
  package let clientModel: String?
  /// Headers that plugins add to the request, in place of those of the same name.
  package let headers: [RequestHeaders.Field]
  /// What follows the request to its end; nil when its end is not seen.
  package let flight: InFlightRequest?
}

/// What the pipeline says of a request.
package enum RouteOutcome {
  case routed(RoutedRequest)
  case refused(Rejection)
  /// It has to wait: `RequestPipeline.resume` goes on with it.
  case suspended(Suspension)
}
