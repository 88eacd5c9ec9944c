import EPPCore
import EPPMetrics

/// Session affinity by tokens that clients send back: nothing is kept of sessions, so replicas and a restarted picker agree. Any
/// thread may use it.
///
/// A token names an endpoint, so it counts only while that endpoint is a candidate. Each answer brings a new one, which names the
/// endpoint that serves the request.
final class SessionTokens: SessionAffinity {
  /// How tokens are written and read.
  enum Format: Sendable {
    /// llm-d's, which says the endpoint's namespace and name, and which anybody can write.
    case encoded
    /// Signed, with a time after which it does not count.
    case signed(SessionKeyRing, timeToLive: Duration)
  }

  /// The content of a request's token.
  private enum Reading {
    case absent
    case ignored(SessionTokenProblem)
    case named(EndpointToken)
    case signed(SignedToken)
  }

  private let format: Format
  private let place: SessionIDSource
  private let endpoints: SessionEndpoints
  private let ignored: IgnoredSessionTokens?

  /// - Parameters:
  ///   - place: where requests have tokens; answers set the header or the cookie of the same name.
  ///   - metrics: nil counts nothing.
  init(_ format: Format, in place: SessionIDSource, metrics: PickerMetrics?) {
    self.format = format
    self.place = place
    endpoints = SessionEndpoints(metrics: metrics)
    ignored = metrics?.ignoredSessionTokens()
  }

  private func read(_ headers: RequestHeaders, now: MonotonicTime) -> Reading {
    guard let text = place.value(in: headers) else { return .absent }
    switch format {
    case .encoded: return EndpointToken(text).map { .named($0) } ?? .ignored(.malformed)
    case .signed(let ring, _):
      do throws(SessionTokenProblem) { return .signed(try ring.read(text, now: now)) } catch { return .ignored(error) }
    }
  }

  // MARK: Scheduling

  var sessionCount: Int { 0 }

  func boundCandidate(_ context: borrowing SchedulingContext) -> Int? {
    let reading = read(context.context.headers, now: context.now)
    let all = context.snapshot.members
    let members = all.span
    switch reading {
    case .absent, .ignored: return nil
    case .named(let token):
      for (position, index) in context.candidates.enumerated() where token.names(members[index].endpoint) {
        return position
      }
    case .signed(let token):
      for (position, index) in context.candidates.enumerated() where token.names(members[index].destination) {
        return position
      }
    }
    return nil
  }

  // Without a usable token there is nothing that identifies the session, so nothing to place it by.
  func pinnedCandidate(_ context: borrowing SchedulingContext) -> Int? { boundCandidate(context) }

  func picked(_ pick: borrowing PickedRequest, _ effects: inout PickEffects) {
    guard !SessionFollower.isFollowing(effects, for: self) else { return }
    let known = endpoints.known(pick.endpoint)
    let outcome: SessionTable.Outcome
    switch read(pick.context.headers, now: pick.now) {
    case .absent: outcome = .new
    case .ignored(let problem):
      ignored?.count(problem)
      outcome = .new
    case .named(let token): outcome = token.names(pick.endpoint) ? .kept : .moved
    case .signed(let token): outcome = token.names(known.destination) ? .kept : .moved
    }
    known.series?.count(outcome)
    effects.followers.append(SessionFollower(self, SessionRequest(slot: pick.endpoint.slot)))
  }

  func answerStarted(_ request: SessionRequest, _ answer: inout AnswerStart) {
    // Nil for an endpoint that no request was sent to before: the client keeps its token.
    guard let served = answer.served, let known = endpoints.known(served) else { return }
    let token: String
    switch format {
    case .encoded: token = known.token
    case .signed(let ring, let timeToLive):
      guard let signed = ring.token(for: known.destination, timeToLive: timeToLive, now: answer.now) else { return }
      token = signed
    }
    switch place {
    case .header(let name): answer.headers.append(RequestHeaders.Field(name: name, value: token))
    case .cookie(let name): answer.headers.append(ResponseCookie.field(name: name, value: token))
    }
  }
}

extension IgnoredSessionTokens {
  /// Counts a token that is ignored.
  fileprivate func count(_ problem: SessionTokenProblem) {
    switch problem {
    case .malformed: malformed.increment()
    case .forged: forged.increment()
    case .expired: expired.increment()
    case .foreign: foreign.increment()
    }
  }
}

/// Why a token is ignored.
package enum SessionTokenProblem: Error, Equatable, CaseIterable {
  /// It is no token at all.
  case malformed
  /// It names a key of this pool, and is not signed with it.
  case forged
  /// Its time is over.
  case expired
  /// It is signed with a key that this pool does not have, or no longer has.
  case foreign
}
