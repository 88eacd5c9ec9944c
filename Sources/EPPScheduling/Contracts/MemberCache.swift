import EPPCore
import Synchronization

/// Values derived from the endpoints of a pool, computed anew when endpoints or labels change. Any thread may use it; its lock
/// is held for a few instructions, and while values are computed.
final class MemberCache<Value: Sendable>: Sendable {
  private let make: @Sendable ([Endpoint]) -> [Value]
  private let cached = Mutex<(membership: PoolSnapshot.Membership?, values: [Value])>((nil, []))

  /// - Parameter make: derives the value of an endpoint.
  convenience init(_ make: @escaping @Sendable (Endpoint) -> Value) { self.init(all: { $0.map(make) }) }

  /// - Parameter make: derives the values of all endpoints, in their order.
  init(all make: @escaping @Sendable ([Endpoint]) -> [Value]) { self.make = make }

  /// The values of all members of a snapshot, by candidate index.
  func values(of snapshot: PoolSnapshot) -> [Value] {
    cached.withLock { cached in
      if cached.membership !== snapshot.membership {
        cached = (snapshot.membership, make(snapshot.members.map(\.endpoint)))
      }
      return cached.values
    }
  }
}

/// A filter that keeps the endpoints for which a condition holds that depends on the endpoint alone.
struct MemberFilter: Filter {
  private let isMatched: MemberCache<Bool>

  /// - Parameter condition: whether an endpoint is kept.
  init(_ condition: @escaping @Sendable (Endpoint) -> Bool) { isMatched = MemberCache(condition) }

  func filter(_ context: borrowing SchedulingContext, _ selection: inout CandidateSelection) {
    let isMatched = isMatched.values(of: context.snapshot)
    let candidates = context.candidates
    selection.keep(context) { isMatched[candidates[$0]] }
  }
}
