/// An API group of Kubernetes that serves InferencePools.
package enum PoolGroup: String, CaseIterable, Sendable {
  /// Version v1 of the pool.
  case stable = "inference.networking.k8s.io"
  /// Version v1alpha2 of the pool: one target port, and a selector without `matchLabels`.
  case experimental = "inference.networking.x-k8s.io"

  /// Target ports that a pool may have, by the schema of version v1.
  package static let maximumPorts = 8
}
