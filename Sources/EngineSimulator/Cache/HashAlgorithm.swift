/// How a block is written down before it is hashed with SHA-256: vLLM's `--prefix-caching-hash-algo`.
package enum HashAlgorithm: String, Sendable, CaseIterable {
  /// As Python pickles the tuple, protocol 5.
  case sha256
  /// As canonical CBOR.
  case sha256CBOR = "sha256_cbor"
}
