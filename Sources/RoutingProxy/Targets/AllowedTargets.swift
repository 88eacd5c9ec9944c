import Synchronization

/// The policy in force, which changes with the members of a pool. Any thread may use it.
package final class AllowedTargets: Sendable {
  private let policy: Mutex<TargetPolicy>

  package init(_ policy: TargetPolicy) { self.policy = Mutex(policy) }

  /// The policy at this moment.
  package var current: TargetPolicy { policy.withLock { $0 } }

  /// Takes another policy from now on.
  package func replace(with next: TargetPolicy) { policy.withLock { $0 = next } }
}
