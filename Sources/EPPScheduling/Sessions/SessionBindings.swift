import Crypto
import EPPCore
import EPPMetrics

/// Session affinity by a table of sessions and their endpoints: for session ids, cookies and client addresses. Any thread may use it.
///
/// A session without a live entry is placed by rendezvous hashing where it is pinned.
final class SessionBindings: SessionAffinity {
  /// Bounds of memory: sessions of one client address, and sessions in all.
  static let (maximumPerAddress, maximum) = (10_000, 1_000_000)

  /// Where sessions come from.
  enum Origin: Sendable {
    /// An id in the first of these sources that has one.
    case ids([SessionIDSource])
    /// The client's address. The share tells when most requests come from one.
    case clientAddress(trustedHops: Int, AddressShare)
    /// A cookie, which the answer sets when the client has none.
    case cookie(String, NewSessionIDs)
  }

  private let origin: Origin
  /// The sessions.
  let table: SessionTable
  private let secret: TextDigest
  private let endpoints: SessionEndpoints

  /// A table without sessions.
  ///
  /// - Parameters:
  ///   - secret: the digests by which sessions are found, which clients must not know.
  ///   - metrics: nil counts nothing.
  init(_ origin: Origin, timeToLive: Duration, secret: TextDigest, metrics: PickerMetrics?) {
    self.origin = origin
    self.secret = secret
    endpoints = SessionEndpoints(metrics: metrics)
    table = SessionTable(
      timeToLive: timeToLive, maximumSessions: Self.maximum, maximumSessionsPerAddress: Self.maximumPerAddress)
  }

  // MARK: Scheduling

  var sessionCount: Int { table.count }

  func boundCandidate(_ context: borrowing SchedulingContext) -> Int? {
    session(of: context.context).flatMap { bound($0, context) }
  }

  func pinnedCandidate(_ context: borrowing SchedulingContext) -> Int? {
    guard let session = session(of: context.context) ?? newSession(of: context.context)?.session else { return nil }
    return bound(session, context) ?? SessionPlacement.position(of: session.placement, context)
  }

  private func bound(_ session: SessionKey, _ context: borrowing SchedulingContext) -> Int? {
    table.slot(of: session, now: context.now).flatMap { context.slots.firstIndex(of: $0) }
  }

  func picked(_ pick: borrowing PickedRequest, _ effects: inout PickEffects) {
    var newID: String?
    var session = session(of: pick.context)
    if session == nil, let new = newSession(of: pick.context) { (session, newID) = (new.session, new.id) }
    guard let session, !SessionFollower.isFollowing(effects, for: self) else { return }
    if case .clientAddress(_, let share) = origin { share.observe(session.digest, now: pick.now) }
    let outcome = table.bind(session, to: pick.endpoint.slot, now: pick.now)
    endpoints.known(pick.endpoint).series?.count(outcome)
    effects.followers.append(
      SessionFollower(self, SessionRequest(slot: pick.endpoint.slot, session: session, newID: newID)))
  }

  func answerStarted(_ request: SessionRequest, _ answer: inout AnswerStart) {
    // What the session has computed is in the cache of the endpoint that serves it.
    if let served = answer.served, served != request.slot, let session = request.session {
      table.move(session, from: request.slot, to: served)
    }
    if let id = request.newID, case .cookie(let name, _) = origin {
      answer.headers.append(ResponseCookie.field(name: name, value: id))
    }
  }

  // MARK: Sessions

  private func session(of context: RequestContext) -> SessionKey? {
    switch origin {
    case .ids(let sources):
      for source in sources {
        if let id = source.value(in: context.headers) { return session(id, context) }
      }
      return nil
    case .cookie(let name, _): return CookieReader.value(of: name, in: context.headers).map { session($0, context) }
    case .clientAddress(let trustedHops, _):
      // Every address has one session, so there is nothing to count together.
      return ClientAddress.read(context, trustedHops: trustedHops).map {
        SessionKey(digest: secret.digest($0), placement: TextDigest.shared.digest($0))
      }
    }
  }

  private func session(_ id: some StringProtocol, _ context: RequestContext) -> SessionKey {
    let owner = ClientAddress.read(context, trustedHops: 1).map { secret.digest($0) }
    return SessionKey(digest: secret.digest(id), placement: TextDigest.shared.digest(id), owner: owner)
  }

  /// The session that begins with a request without a cookie.
  private func newSession(of context: RequestContext) -> (session: SessionKey, id: String)? {
    guard case .cookie(_, let ids) = origin else { return nil }
    let id = ids.id(of: context)
    return (session(id, context), id)
  }
}

/// Makes ids of sessions that begin: 128 bits as hexadecimal digits.
///
/// A request has the same id whenever it is asked for, so that a filter that places a session and the answer that names it agree
/// without anything being kept. Ids are HMAC-SHA256 of the request's id and the client's address with a random key of this process:
/// nobody can foresee them.
struct NewSessionIDs: Sendable {
  private let key = SymmetricKey(size: .bits256)

  func id(of context: RequestContext) -> String {
    var hash = HMAC<SHA256>(key: key)
    hash.update(data: Array(context.requestID.utf8))
    hash.update(data: [0])
    if let address = context.sourceAddress { hash.update(data: Array(address.utf8)) }
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(32)
    for byte in hash.finalize().prefix(16) {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}
