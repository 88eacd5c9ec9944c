/// The format of KV events, which differs between vLLM's versions and settings.
package struct KVEventFormat: Sendable, Equatable {
  /// The encoding of an event.
  package enum Encoding: String, Sendable, CaseIterable {
    /// A map of members, as in vLLM 0.25 and newer.
    case map
    /// An array of members, as in vLLM 0.22 and older.
    case array
  }

  /// The encoding of a hash.
  package enum Hashes: String, Sendable, CaseIterable {
    /// The last 8 bytes as a number.
    case integer = "int"
    /// All 32 bytes, as vLLM with `VLLM_KV_EVENTS_USE_INT_BLOCK_HASHES=0`.
    case bytes
  }

  /// The frames of a replayed batch.
  package enum Replay: String, Sendable, CaseIterable {
    /// Topic, number and payload, as in vLLM 0.28 and newer.
    case topic
    /// Number and payload, as in vLLM 0.25 and older.
    case bare
  }

  /// The encoding of events.
  package var encoding: Encoding
  /// The encoding of hashes.
  package var hashes: Hashes
  /// The frames of replayed batches.
  package var replay: Replay

  /// Makes a format.
  ///
  /// - Parameter replay: The frames of replayed batches; nil for `topic` with maps and `bare` with arrays, because no version
  ///   of vLLM that writes arrays replays the topic.
  package init(encoding: Encoding = .map, hashes: Hashes = .integer, replay: Replay? = nil) {
    self.encoding = encoding
    self.hashes = hashes
    self.replay = replay ?? (encoding == .map ? .topic : .bare)
  }
}
