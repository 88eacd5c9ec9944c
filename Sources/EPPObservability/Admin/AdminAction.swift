/// What a POST to the admin server does: it changes or probes something, and therefore wants the token.
package struct AdminAction: Sendable {
  /// Bytes of a request's body at most.
  package static let maximumBodyBytes = 65_536

  /// A JSON body with the outcome.
  package enum Outcome: Sendable, Equatable {
    /// Done; answered with status 200.
    case done([UInt8])
    /// The request cannot be carried out as it is, and nothing was changed; answered with status 400.
    case refused([UInt8])
  }

  /// Carries out a request with this body. Called for each request, on several threads at once.
  let perform: @Sendable (_ body: [UInt8]) async -> Outcome

  package init(_ perform: @escaping @Sendable (_ body: [UInt8]) async -> Outcome) { self.perform = perform }
}
