package import EPPCore
package import EPPPrefixCache

/// `session-affinity-scorer`: 1 for the endpoint where the session's last request went, 0 for the others.
///
/// A session without a live entry, or whose endpoint is no candidate, is placed by rendezvous hashing over the
/// candidates, which knows no load, so that replicas and a restarted picker agree. A request without a session gets no
/// opinion. What a client writes is a wish: it weighs in the sum and pins nothing.
package final class SessionAffinityScorer: Scorer {
  let parameters: SessionAffinityParameters
  /// The header that the session is read from, lower case; nil when it is the client's address.
  let headerName: String?
  private let table: SessionTable
  private let secret: TextDigest

  /// A scorer that knows no session yet.
  ///
  /// - Parameter seed: the secret that session keys are hashed with.
  package init(_ parameters: SessionAffinityParameters, seed: HashSeed) {
    self.parameters = parameters
    headerName = if case .header(let name) = parameters.strategy { name.lowercased() } else { nil }
    secret = TextDigest(first: seed.first, second: seed.second)
    table = SessionTable(
      timeToLive: parameters.timeToLive, maximumSessions: parameters.maximumSessions,
      maximumSessionsPerAddress: parameters.maximumSessionsPerAddress)
  }

  package func score(_ context: borrowing SchedulingContext, into scores: inout [Double]) {
    guard let session = key(of: context.context) else { return }
    if let bound = table.slot(of: session, now: context.now), let index = context.slots.firstIndex(of: bound) {
      scores[index] = 1
      return
    }
    let all = context.snapshot.members
    let members = all.span
    var best = 0
    var greatest: UInt64 = 0
    for index in context.candidates.indices {
      // By address, which replicas share; slots they do not.
      let destination = members[context.candidates[index]].destination
      let weight = TextDigest.shared.digest(destination, after: session.placement)
      if weight > greatest {
        best = index
        greatest = weight
      }
    }
    scores[best] = 1
  }

  /// The request went to an endpoint; nil when it has no session.
  package func bind(_ context: RequestContext, to slot: EndpointSlot, now: MonotonicTime) -> SessionTable.Outcome? {
    key(of: context).map { table.bind($0, to: slot, now: now) }
  }

  private func key(of context: RequestContext) -> SessionKey? {
    switch parameters.strategy {
    case .header:
      guard let headerName, let id = context.headers.first(headerName), !id.isEmpty else { return nil }
      let owner = ClientAddress.read(context, trustedHops: 1).map { secret.digest($0) }
      return SessionKey(digest: secret.digest(id), placement: TextDigest.shared.digest(id), owner: owner)
    case .clientAddress(let trustedHops):
      // Every address has one session, so there is nothing to count together.
      return ClientAddress.read(context, trustedHops: trustedHops).map {
        SessionKey(digest: secret.digest($0), placement: TextDigest.shared.digest($0))
      }
    }
  }
}
