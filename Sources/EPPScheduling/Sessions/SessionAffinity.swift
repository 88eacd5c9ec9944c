import EPPCore

/// What is known of the endpoints of sessions. Any thread may use it.
///
/// A scorer and a filter with equal arguments share one object, which outlives a reload of the configuration: see
/// `SessionServices`.
package protocol SessionAffinity: RequestObserver, AnyObject {
  /// The position among the candidates of the endpoint that the request's session is bound to; nil for a request without a session,
  /// for a session without a live entry, and when the endpoint is no candidate.
  func boundCandidate(_ context: borrowing SchedulingContext) -> Int?
  /// The same, and for a session whose endpoint is not known or no candidate the position where the session is placed; nil for a
  /// request without a session.
  func pinnedCandidate(_ context: borrowing SchedulingContext) -> Int?
  /// Sessions that are held, live or not yet removed; 0 where clients keep them.
  var sessionCount: Int { get }
  /// Called when the answer to a request of a session has begun.
  func answerStarted(_ request: SessionRequest, _ answer: inout AnswerStart)
}

/// What is remembered of a session's request until its answer begins.
package struct SessionRequest: Sendable {
  /// The slot of the picked endpoint.
  var slot: EndpointSlot
  /// The session; nil where the client keeps it.
  var session: SessionKey?
  /// The id of a session that the client does not know yet.
  var newID: String?
}

/// Follows a request of a session to the beginning of its answer.
final class SessionFollower: RequestFollower {
  private let affinity: any SessionAffinity
  private let request: SessionRequest

  init(_ affinity: any SessionAffinity, _ request: SessionRequest) {
    self.affinity = affinity
    self.request = request
  }

  func responseStarted(_ answer: inout AnswerStart) { affinity.answerStarted(request, &answer) }

  /// Whether a request is followed for an object already: where a scorer and a filter share it, both are notified of a pick.
  static func isFollowing(_ effects: borrowing PickEffects, for affinity: any SessionAffinity) -> Bool {
    effects.followers.contains { ($0 as? SessionFollower)?.affinity === affinity }
  }
}

/// Places sessions on endpoints by rendezvous hashing (Thaler and Ravishankar 1998): the endpoint with the greatest digest of
/// session and address. All replicas and a restarted picker agree, and a change of the pool moves only the sessions of endpoints that
/// left, and those that the new endpoints take over: 1/n of all for the n-th.
enum SessionPlacement {
  /// The position of the endpoint among the candidates, of which there has to be one. Addresses count, which replicas share, and not
  /// slots.
  static func position(of placement: UInt64, _ context: borrowing SchedulingContext) -> Int {
    let all = context.snapshot.members
    let members = all.span
    var best = 0
    var greatest: UInt64 = 0
    for index in context.candidates.indices {
      let weight = TextDigest.shared.digest(members[context.candidates[index]].destination, after: placement)
      if weight > greatest {
        best = index
        greatest = weight
      }
    }
    return best
  }
}
