package import EPPCore
package import EPPPrefixCache

/// Finds facts about a request that filters and scorers read, and learns from its pick.
///
/// Called on the request's thread, except for `upkeep`; does not block.
package protocol DataProducer: Sendable {
  /// Called once for each request, before its profiles run.
  ///
  /// - Parameters:
  ///   - prompt: the blocks of the prompt, without blocks for a request without a prompt.
  ///   - match: what the producer says of the prompt; it holds what the thread's last request left there.
  func produce(_ context: borrowing SchedulingContext, _ prompt: inout PrefixQuery, into match: inout ProducedMatch)

  /// Called when the request is sent to an endpoint, after the prompt has been entered into the pool's index.
  ///
  /// - Parameter effects: the producer adds headers and followers to it.
  func picked(
    _ pick: borrowing PickedRequest, _ context: borrowing SchedulingContext, _ prompt: inout PrefixQuery,
    _ effects: inout PickEffects)

  /// Called about once a second, on a thread that may wait.
  func upkeep(_ snapshot: PoolSnapshot, now: MonotonicTime)
}

extension DataProducer {
  package func upkeep(_ snapshot: PoolSnapshot, now: MonotonicTime) {}
}
