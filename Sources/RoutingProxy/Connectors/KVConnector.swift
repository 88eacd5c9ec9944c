package import EPPCore
import EPPRequests

/// How a prefill engine hands the KV cache blocks of a prompt to a decode engine: what is written into the requests to both, and in
/// which order they are sent. A new connector is one file and one line in `KVConnectorKind`.
package protocol KVConnector: Sendable {
  /// How the two requests follow each other.
  var order: LegOrder { get }

  /// Whether the prefill engine is asked for one token alone; false where it knows by itself that it only computes the prompt.
  var limitsPrefill: Bool { get }

  /// Whether a decode engine answers a request without any transfer, and so can compute a prompt that the prefill engine did not.
  var decodesAlone: Bool { get }

  /// Writes into the request to the prefill engine.
  func writePrefill(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer)

  /// Writes into the request to the decode engine.
  func writeDecode(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer)

  /// Writes into the request to a decode engine that computes the prompt itself, because there is no prefill engine or it did not.
  func writeAlone(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer)

  /// Headers of the request to the prefill engine.
  func prefillHeaders(_ transfer: KVTransfer) -> [RequestHeaders.Field]

  /// Headers of the request to the decode engine.
  func decodeHeaders(_ transfer: KVTransfer) -> [RequestHeaders.Field]
}

extension KVConnector {
  package var limitsPrefill: Bool { true }
  package var decodesAlone: Bool { true }
  package func writeAlone(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {}
  package func prefillHeaders(_ transfer: KVTransfer) -> [RequestHeaders.Field] { [] }
  package func decodeHeaders(_ transfer: KVTransfer) -> [RequestHeaders.Field] { [] }
}

/// How the requests to the two engines follow each other.
package enum LegOrder: Sendable, Equatable {
  /// The decode engine alone: it computes the prompt.
  case decodeAlone
  /// Decoding begins when the prompt is computed.
  case prefillFirst
  /// Both at once: the decode engine waits for the blocks.
  case together
  /// Both at once, once the prefill engine's bootstrap server has said which engines it has.
  case togetherAfterBootstrap
  /// The decode engine first, where the request's body has the member that says how much of the prompt the engine has to hold. An
  /// engine that holds less answers so, and then the prompt is computed first.
  case decodeFirst(threshold: String)
}

/// What identifies the transfer of one request's blocks.
package struct KVTransfer: Sendable, Equatable {
  /// A UUID of the request.
  package var id: String
  /// The prefill engine.
  package var prefill: EndpointAddress
  /// A number that both SGLang engines know the transfer by.
  package var room: Int64
  /// `kv_transfer_params` of the prefill engine's answer as JSON text; nil before the answer, and where it had none.
  package var prefillParameters: [UInt8]?
  /// The prefill engine's data-parallel rank and its id, as its bootstrap server says; nil where none was asked.
  package var bootstrap: Bootstrap?
  /// An engine that holds blocks of the prompt, which the one that computes it fetches from there; nil for none.
  package var source: Source?

  package init(id: String, prefill: EndpointAddress, room: Int64 = 0) {
    self.id = id
    self.prefill = prefill
    self.room = room
  }

  /// An engine that holds blocks of a prompt.
  package struct Source: Sendable, Equatable {
    /// A UUID of the fetch.
    package var id: String
    /// The address and the port of the engine's peer-to-peer tier.
    package var tier: EndpointAddress

    package init(id: String, tier: EndpointAddress) {
      self.id = id
      self.tier = tier
    }

    /// Writes the member of `kv_transfer_params` that vLLM's OffloadingConnector reads, also where it is one of several connectors.
    func write(_ parameters: inout JSONObjectEdit) {
      var source = JSONObjectEdit()
      source.set("kv_request_id", id)
      source.set("remote_host", tier.host)
      source.set("remote_port", Int(tier.port))
      parameters.set("remote_kv_source", source, RawSpan())
    }
  }

  /// Writes `kv_transfer_params` of a request whose prompt the decode engine computes; nothing without a source.
  func writeSource(_ edit: inout JSONObjectEdit) {
    guard let source else { return }
    var parameters = JSONObjectEdit()
    source.write(&parameters)
    edit.set("kv_transfer_params", parameters, RawSpan())
  }

  /// An engine of a prefill server.
  package struct Bootstrap: Sendable, Equatable {
    /// The data-parallel rank.
    package var rank: String
    /// The engine's id.
    package var engineID: String

    package init(rank: String, engineID: String) {
      self.rank = rank
      self.engineID = engineID
    }
  }
}

/// The connectors, by the names that `--kv-connector` takes.
package enum KVConnectorKind: String, CaseIterable, Sendable {
  case nixlv2
  case sharedStorage = "shared-storage"
  case sglang
  case mooncake
  case offloading

  /// Whether engines with this connector can fetch blocks from each other that they have computed for other requests; by
  /// `enabled` where it depends on how engines are configured.
  package func fetchesFromPeers(enabled: Bool) -> Bool {
    switch self {
    case .offloading: true
    case .nixlv2: enabled
    case .sharedStorage, .sglang, .mooncake: false
    }
  }

  /// What to use instead of a connector that is gone; nil for a name that never was one.
  package static func replacement(of name: String) -> String? {
    switch name {
    case "nixl": "'nixl' was the first version of NIXL's protocol, which engines no longer speak: use 'nixlv2'"
    case "lmcache": "'lmcache' is gone: use 'shared-storage', or 'nixlv2' with engines that transfer blocks themselves"
    default: nil
    }
  }
}

/// Ports of the servers beside engines that connectors name in requests.
package struct ConnectorPorts: Sendable, Equatable {
  /// SGLang's bootstrap server at the prefill engine.
  package var sglangBootstrap: UInt16 = 8998
  /// Mooncake's bootstrap server at the prefill engine.
  package var mooncakeBootstrap: UInt16 = 8998
  /// The peer-to-peer tier of vLLM's OffloadingConnector; that of rank r is r ports higher.
  package var peerToPeer: UInt16 = 7777
  /// The ports by which the ranks of a data-parallel model server are named, the same in all pods; empty without ranks.
  package var ranks: Range<UInt16> = 0..<0

  package init() {}

  /// The port of the peer-to-peer tier of an engine, which is named by its rank's port.
  package func peerToPeer(of engine: EndpointAddress) -> UInt16 {
    ranks.contains(engine.port) ? peerToPeer &+ (engine.port - ranks.lowerBound) : peerToPeer
  }
}

extension KVConnectorKind {
  /// The connector.
  package func connector(_ ports: ConnectorPorts) -> any KVConnector {
    switch self {
    case .nixlv2: NIXLv2Connector()
    case .sharedStorage: SharedStorageConnector()
    case .sglang: SGLangConnector(port: ports.sglangBootstrap)
    case .mooncake: MooncakeConnector(port: ports.mooncakeBootstrap)
    case .offloading: OffloadingConnector(ports: ports)
    }
  }
}
