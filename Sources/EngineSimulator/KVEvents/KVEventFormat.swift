/// How KV events are written: what differs between vLLM's versions and settings.
package struct KVEventFormat: Sendable, Equatable {
  /// The form of one event, and with it that of a replay.
  package enum Encoding: String, Sendable, CaseIterable {
    /// Members by name, as since vLLM 0.24; a replayed batch comes with its topic.
    case map
    /// Members by place, as up to vLLM 0.23; a replayed batch comes without its topic.
    case array
  }

  /// The form of a hash.
  package enum Hashes: String, Sendable, CaseIterable {
    /// The last 8 bytes, as a number.
    case integer = "int"
    /// All 32 bytes: vLLM's with `VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES=0`.
    case bytes
  }

  package var encoding: Encoding
  package var hashes: Hashes

  package init(encoding: Encoding = .map, hashes: Hashes = .integer) {
    self.encoding = encoding
    self.hashes = hashes
  }
}
