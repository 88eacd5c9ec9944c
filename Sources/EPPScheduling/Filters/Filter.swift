package import EPPCore

/// Narrows the endpoints that a request may go to.
package protocol Filter: Sendable {
  /// Removes the candidates that may not be picked. Leaving none means that the request is not routed.
  func filter(_ candidates: inout [Int], snapshot: PoolSnapshot, context: RequestContext)
}
