/// The serialisation of a block that is hashed with SHA-256: vLLM's `--prefix-caching-hash-algo`.
package enum HashAlgorithm: String, Sendable, CaseIterable {
  /// Python's pickle, protocol 5.
  case sha256
  /// Canonical CBOR.
  case sha256CBOR = "sha256_cbor"
}
