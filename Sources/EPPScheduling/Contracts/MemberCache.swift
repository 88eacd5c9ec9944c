import EPPCore
import Synchronization

/// Values derived from the endpoints of a pool, computed anew when endpoints or labels change. Any thread may use it; its lock
/// is held for a few instructions, and while values are computed.
final class MemberCache<Value: Sendable>: Sendable {
  private let make: @Sendable (Endpoint) -> Value
  private let cached = Mutex<(membership: PoolSnapshot.Membership?, values: [Value])>((nil, []))

  /// - Parameter make: derives the value of an endpoint.
  init(_ make: @escaping @Sendable (Endpoint) -> Value) { self.make = make }

  /// The values of all members of a snapshot, by candidate index.
  func values(of snapshot: PoolSnapshot) -> [Value] {
    cached.withLock { cached in
      if cached.membership !== snapshot.membership {
        cached = (snapshot.membership, snapshot.members.map { make($0.endpoint) })
      }
      return cached.values
    }
  }
}
