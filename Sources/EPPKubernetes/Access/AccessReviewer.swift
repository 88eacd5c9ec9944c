package import EPPCore
import EPPDataLayer
package import Logging
import Synchronization

/// Asks the API server whether the bearer of a token may read a page, by TokenReview and SubjectAccessReview. Any task may use it.
package final class AccessReviewer: Sendable {
  private struct State {
    var decisions = AccessDecisions()
    var reviews = 0
    var isFailing = false
  }

  /// Reviews at one time at most, so that a client that sends many tokens does not flood the API server.
  private static let maximumReviews = 8
  /// Time limit of both reviews together; less than the default scrape timeout of Prometheus, 10 s.
  private static let limit = Duration.seconds(5)

  private let client: KubernetesClient
  private let logger: Logger
  private let clock: @Sendable () -> MonotonicTime
  private let state = Mutex(State())

  /// - Parameters:
  ///   - client: Client of the API server. The caller shuts it down.
  ///   - clock: Returns the current time.
  package init(
    client: KubernetesClient, logger: Logger, clock: @escaping @Sendable () -> MonotonicTime = { .now() }
  ) {
    self.client = client
    self.logger = logger
    self.clock = clock
  }

  /// Decides whether the bearer of a token may get a path. Decisions are kept for up to a minute.
  ///
  /// - Parameter token: The bearer token; nil when the request has none.
  @Sendable
  package func decide(token: String?, path: String) async -> PageAccess {
    guard let token, !token.isEmpty else { return .unauthenticated }
    let now = clock()
    let known: PageAccess? = state.withLock { state in
      if let known = state.decisions.decision(token: token, path: path, now: now) { return known }
      guard state.reviews < Self.maximumReviews else {
        return .undecided(reason: "too many tokens are reviewed at one time")
      }
      state.reviews += 1
      return nil
    }
    if let known { return known }
    do throws(KubernetesError) {
      let decision = try await client.within(Self.limit) { () async throws(KubernetesError) in
        try await self.review(token, path)
      }
      note(decision, nil, token, path)
      return decision
    } catch {
      let decision = PageAccess.undecided(reason: Self.reason(error))
      note(decision, error, token, path)
      return decision
    }
  }

  private func review(_ token: String, _ path: String) async throws(KubernetesError) -> PageAccess {
    let answer: TokenReview = try await post(TokenReview(token: token), to: TokenReview.path)
    guard answer.status?.authenticated == true, let user = answer.status?.user else { return .unauthenticated }
    let access: SubjectAccessReview = try await post(
      SubjectAccessReview(user: user, path: path), to: SubjectAccessReview.path)
    return access.status?.allowed == true ? .granted : .forbidden
  }

  private func post<Review: Codable>(_ review: Review, to path: String) async throws(KubernetesError) -> Review {
    try KubernetesClient.decode(await client.send(.post(KubernetesClient.encode(review)), path))
  }

  /// Ends a review, and logs the first failure of a series.
  private func note(_ decision: PageAccess, _ error: KubernetesError?, _ token: String, _ path: String) {
    let isNew = state.withLock { state in
      state.reviews -= 1
      state.decisions.insert(decision, token: token, path: path, now: clock())
      defer { state.isFailing = error != nil }
      return error != nil && !state.isFailing
    }
    guard isNew, let error else { return }
    logger.warning(
      "\(Self.reason(error)): its clients get the status 503", metadata: ["path": "\(path)", "error": "\(error)"])
  }

  private static func reason(_ error: KubernetesError) -> String {
    switch error.status?.code {
    case 403:
      "the API server forbids to review tokens; bind the ClusterRole system:auth-delegator to the service account, or give "
        + "--metrics-endpoint-auth=false and close the port by a NetworkPolicy"
    default: "the API server cannot be asked who may read the page"
    }
  }
}
