package import EPPCore
package import EPPPrefixCache

/// `session-affinity-scorer`: 1 for the endpoint where the session's last request went, 0 for the others. A session
/// without a live entry is placed by rendezvous hashing over the candidates, which knows no load, so that replicas and
/// a restarted picker agree. A request without a session gets no opinion.
package final class SessionAffinityScorer: Scorer {
  private let parameters: SessionAffinityParameters
  private let table: SessionTable
  private let seed: HashSeed

  package init(_ parameters: SessionAffinityParameters, seed: HashSeed) {
    self.parameters = parameters
    self.seed = seed
    table = SessionTable(
      timeToLive: parameters.timeToLive, maximumSessions: parameters.maximumSessions,
      maximumSessionsPerAddress: parameters.maximumSessionsPerAddress)
  }

  package func score(_ context: borrowing SchedulingContext, into scores: inout [Double]) {
    guard let session = key(context.context) else { return }
    let bound = table.slot(of: session, now: context.now)
    var best = -1
    var bestWeight: UInt64 = 0
    for index in context.candidates.indices {
      let endpoint = context.snapshot.members[context.candidates[index]].endpoint
      if endpoint.slot == bound {
        best = index
        break
      }
      let weight = weight(session, endpoint.address)
      if best < 0 || weight > bestWeight {
        best = index
        bestWeight = weight
      }
    }
    if best >= 0 { scores[best] = 1 }
  }

  /// The request went to an endpoint; nil when it has no session.
  package func bind(_ context: RequestContext, to slot: EndpointSlot, now: MonotonicTime) -> SessionTable.Outcome? {
    key(context).map { table.bind($0, to: slot, now: now) }
  }

  private func key(_ context: RequestContext) -> SessionKey? {
    let address = clientAddress(context, trustedHops: 1)
    let text: String? =
      switch parameters.strategy {
      case .header(let name): context.headers.first(name)
      case .clientAddress(let hops): clientAddress(context, trustedHops: hops)
      }
    guard let text, !text.isEmpty else { return nil }
    // By address every client has one session, so nothing is counted together.
    let digest = digest(text)
    return SessionKey(digest: digest, owner: address.map { self.digest($0) } ?? 0)
  }

  /// The gateway's word first: the client cannot write it. Of `x-forwarded-for` only the hops that trusted proxies
  /// added count, from the right.
  private func clientAddress(_ context: RequestContext, trustedHops: Int) -> String? {
    if let address = context.sourceAddress { return address }
    let hops = context.headers.values(of: HeaderName.forwardedFor).flatMap { $0.split(separator: ",") }
    guard trustedHops > 0, hops.count >= trustedHops else { return nil }
    var hop = hops[hops.count - trustedHops]
    while hop.first == " " { hop.removeFirst() }
    while hop.last == " " { hop.removeLast() }
    return hop.isEmpty ? nil : String(hop)
  }

  private func digest(_ text: String) -> UInt64 {
    var value = seed.first
    for byte in text.utf8 { value = mix(value ^ UInt64(byte), seed.second) }
    return mix(value, seed.first)
  }

  /// Rendezvous hashing by address, which replicas share; slots they do not.
  private func weight(_ session: SessionKey, _ address: EndpointAddress) -> UInt64 {
    var value = session.digest
    for byte in address.host.utf8 { value = mix(value ^ UInt64(byte), 0x9FB2_1C65_1E98_DF25) }
    return mix(value ^ UInt64(address.port), 0xA076_1D64_78BD_642F)
  }

  private func mix(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let product = (left ^ 0xE703_7ED1_A0B4_28DB).multipliedFullWidth(by: right | 1)
    return product.high ^ product.low
  }
}
