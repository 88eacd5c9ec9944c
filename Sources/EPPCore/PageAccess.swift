/// Whether a client may read a page of the metrics server.
package enum PageAccess: Equatable, Sendable {
  case granted
  /// The client sends no token, or one that is not valid (401).
  case unauthenticated
  /// The owner of the token has no permission (403).
  case forbidden
  /// It could not be decided (503). `reason` is one line.
  case undecided(reason: String)
}
