/// The options with which an engine hands the KV cache blocks of prompts to other engines, or takes them from others.
package struct KVTransferOptions: Sendable {
  /// The protocols, by the names that a routing sidecar's `--kv-connector` has.
  package enum Connector: String, Sendable, CaseIterable {
    /// vLLM's NixlConnector: the prefill engine's answer says where the blocks are.
    case nixlv2
    /// SGLang's disaggregation: both engines know the number of a room.
    case sglang
    /// vLLM's MooncakeConnector: both engines know an id, and a bootstrap server names the prefill engine.
    case mooncake
    /// A storage that all engines write and read.
    case sharedStorage = "shared-storage"
    /// The peer-to-peer tier of vLLM's OffloadingConnector.
    case offloading

    /// Whether engines fetch blocks from each other, for which each has a side channel.
    package var hasSideChannel: Bool { self != .sharedStorage }
  }

  /// What is done with a request whose blocks cannot be loaded: vLLM's `kv_load_failure_policy`.
  package enum LoadFailurePolicy: String, Sendable, CaseIterable {
    /// The request ends with an error.
    case fail
    /// The prompt is computed.
    case recompute
  }

  /// Which of both engines an SGLang engine is: its `--disaggregation-mode`.
  package enum DisaggregationMode: String, Sendable, CaseIterable {
    case prefill
    case decode
  }

  /// The protocol.
  package var connector: Connector
  /// The address of the side channel that is named in answers; nil for the address on which the engine listens.
  package var host: String?
  /// The port of the side channel; 0 binds a free port.
  package var port = 0
  /// Time that this engine takes to send 1,000 tokens, or to read them from the shared storage.
  package var timePerThousandTokens = Duration.zero
  /// What is done with a request whose blocks cannot be loaded. The connector `offloading` ignores it: it is a cache, and what is
  /// not in it is computed.
  package var loadFailurePolicy = LoadFailurePolicy.fail
  /// Time for which a request waits for its blocks at most.
  package var timeout = Duration.seconds(30)
  /// Time for which the blocks of a prompt are held until somebody fetches them; vLLM's `kv_lease_duration`.
  package var lease = Duration.seconds(30)
  /// Which of both engines this one is; only for `sglang`.
  package var mode = DisaggregationMode.decode
  /// The directory of the shared storage; nil without one.
  package var storage: String?

  package init(_ connector: Connector) { self.connector = connector }

  /// Returns the options of the engine `index` positions after the first one of a process, which has the next ports.
  package func moved(by index: Int) -> KVTransferOptions {
    var moved = self
    if port > 0 { moved.port += index }
    return moved
  }
}

/// The protocols with which an engine hands on what it has computed from images, sounds and videos.
package enum EncoderConnector: String, Sendable, CaseIterable {
  /// The answer says where the encoder's output is.
  case nixl = "ec-nixl"
  /// The encoder's output goes to a storage, and the answer says nothing.
  case example = "ec-example"
}
