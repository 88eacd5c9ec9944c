package import EPPCore
import EPPDataLayer
import FoundationEssentials
package import Logging
import NIOCore
import Synchronization

/// Asks the API server whether the bearer of a token may read a page, by TokenReview and SubjectAccessReview. Any task may use it.
package final class AccessReviewer: Sendable {
  private struct State {
    var cache = AccessDecisionCache()
    var reviews = 0
    var isFailing = false
  }

  /// Reviews at one time: a client with many tokens does not become one of the API server.
  private static let maximumReviews = 8
  /// Time for both reviews. A scrape of Prometheus lasts 10 s by default.
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
  package func decide(token: String?, path: String) async -> AccessDecision {
    guard let token, !token.isEmpty else { return .unauthenticated }
    let now = clock()
    let known: AccessDecision? = state.withLock { state in
      if let known = state.cache.decision(token: token, path: path, now: now) { return known }
      guard state.reviews < Self.maximumReviews else { return .undecided("too many tokens are reviewed at one time") }
      state.reviews += 1
      return nil
    }
    if let known { return known }
    let result = await withTimeLimit(Self.limit) { () -> Result<AccessDecision, KubernetesError> in
      do throws(KubernetesError) {
        return .success(try await self.review(token, path))
      } catch {
        return .failure(error)
      }
    }
    switch result.value {
    case .success(let decision):
      note(decision, nil, token, path)
      return decision
    case .failure(let error):
      let reason = Self.reason(result.hasTimedOut ? .timedOut : error)
      note(.undecided(reason), result.hasTimedOut ? .timedOut : error, token, path)
      return .undecided(reason)
    }
  }

  private func review(_ token: String, _ path: String) async throws(KubernetesError) -> AccessDecision {
    let answer: TokenReview = try await post(TokenReview(token: token), to: TokenReview.path)
    guard answer.status?.authenticated == true, let user = answer.status?.user else { return .unauthenticated }
    let access: SubjectAccessReview = try await post(
      SubjectAccessReview(user: user, path: path), to: SubjectAccessReview.path)
    return access.status?.allowed == true ? .allowed : .forbidden
  }

  private func post<Review: Codable>(_ review: Review, to path: String) async throws(KubernetesError) -> Review {
    let body: ByteBuffer
    do {
      body = ByteBuffer(bytes: try JSONEncoder().encode(review))
    } catch {
      throw .unreadable("\(error)")
    }
    return try KubernetesClient.decode(await client.send(.post(body), path))
  }

  /// Ends a review, and logs the first failure of a series.
  private func note(_ decision: AccessDecision, _ error: KubernetesError?, _ token: String, _ path: String) {
    let isNew = state.withLock { state in
      state.reviews -= 1
      state.cache.insert(decision, token: token, path: path, now: clock())
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
