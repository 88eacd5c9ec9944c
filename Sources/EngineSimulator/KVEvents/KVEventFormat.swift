/// How KV events are written: what differs between vLLM's versions and settings.
package struct KVEventFormat: Sendable, Equatable {
  /// The form of one event.
  package enum Encoding: String, Sendable, CaseIterable {
    /// Members by name, as in vLLM 0.25 and newer.
    case map
    /// Members by place, as in vLLM 0.22 and older.
    case array
  }

  /// The form of a hash.
  package enum Hashes: String, Sendable, CaseIterable {
    /// The last 8 bytes, as a number.
    case integer = "int"
    /// All 32 bytes: vLLM's with `VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES=0`.
    case bytes
  }

  /// The frames of a batch that was asked for again.
  package enum Replay: String, Sendable, CaseIterable {
    /// Those of the live batch, as in vLLM 0.28 and newer.
    case topic
    /// Number and payload, as in vLLM 0.25 and older.
    case bare
  }

  package var encoding: Encoding
  package var hashes: Hashes
  package var replay: Replay

  /// - Parameter replay: without it, that of the versions which write events so: none of those with arrays sends the topic.
  package init(encoding: Encoding = .map, hashes: Hashes = .integer, replay: Replay? = nil) {
    self.encoding = encoding
    self.hashes = hashes
    self.replay = replay ?? (encoding == .map ? .topic : .bare)
  }
}
