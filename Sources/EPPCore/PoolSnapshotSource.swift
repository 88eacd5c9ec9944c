/// Whoever holds the current snapshot. Reading it is a lock of a few instructions, never a wait for I/O.
package protocol PoolSnapshotSource: AnyObject, Sendable {
  /// The newest snapshot.
  func currentSnapshot() -> PoolSnapshot
}
