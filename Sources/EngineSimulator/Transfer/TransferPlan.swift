package import EPPCore

/// What a request says about the transfer of its prompt's blocks.
package struct TransferPlan: Sendable, Equatable {
  /// The name under which the blocks are offered to other engines.
  package enum Offer: Sendable, Equatable {
    /// The engine's name of the request.
    case request
    /// A name that the client has chosen.
    case named(String)
  }

  /// Where blocks are fetched from.
  package struct Source: Sendable, Equatable {
    /// The side channel of an engine.
    package var address: EndpointAddress
    /// The name under which the blocks are offered; nil for whatever is in the engine's cache.
    package var offer: String?
    /// The id that the engine has to have; nil for any.
    package var engineID: String?
    /// Whether the blocks may come later: the prompt is computed at the same time.
    package var waits: Bool

    package init(address: EndpointAddress, offer: String?, engineID: String? = nil, waits: Bool) {
      self.address = address
      self.offer = offer
      self.engineID = engineID
      self.waits = waits
    }
  }

  /// The name under which the blocks are offered when they are computed; nil when they are not.
  package var offer: Offer?
  /// Where the blocks are fetched from; nil when they are not.
  package var source: Source?
  /// Whether the shared storage is read and written.
  package var usesStorage = false
  /// Whether the engine computes the prompt alone, whatever the number of tokens that the client asks for.
  package var isPrefillOnly = false
  /// Share of the prompt's tokens that the engine has to hold, 0 to 1; nil when it does not matter.
  package var threshold: Double?

  package init() {}
}

extension TransferPlan {
  /// Reads the body of a request. As in real engines, a request whose members are incomplete is served without a transfer.
  ///
  /// - Throws: `APIError` for a threshold that is no share.
  package init(_ body: JSONNode, _ options: KVTransferOptions) throws(APIError) {
    self.init()
    let parameters = body["kv_transfer_params"] ?? .null
    switch options.connector {
    case .nixlv2: readNIXL(parameters)
    case .mooncake: readMooncake(parameters)
    case .offloading: readOffloading(parameters)
    case .sglang: readRoom(body, options.mode)
    case .sharedStorage:
      usesStorage = options.storage != nil
      try readThreshold(body)
    }
  }

  private mutating func readNIXL(_ parameters: JSONNode) {
    if parameters["do_remote_decode"]?.boolean == true {
      offer = .request
    } else if parameters["do_remote_prefill"]?.boolean == true,
      parameters["remote_block_ids"]?.elements?.isEmpty == false,
      let engineID = parameters["remote_engine_id"]?.text, let name = parameters["remote_request_id"]?.text,
      let address = EndpointAddress(host: parameters["remote_host"], port: parameters["remote_port"])
    {
      source = Source(address: address, offer: name, engineID: engineID, waits: false)
    }
  }

  private mutating func readMooncake(_ parameters: JSONNode) {
    guard let name = parameters["transfer_id"]?.text else { return }
    if parameters["do_remote_decode"]?.boolean == true {
      offer = .named(name)
    } else if parameters["do_remote_prefill"]?.boolean == true, let engineID = parameters["remote_engine_id"]?.text,
      let url = parameters["remote_bootstrap_addr"]?.text, let address = EndpointAddress(url.trimmingPrefix("http://"))
    {
      source = Source(address: address, offer: name, engineID: engineID, waits: true)
    }
  }

  private mutating func readOffloading(_ parameters: JSONNode) {
    if let name = parameters["remote_decoder"]?["kv_request_id"]?.text { offer = .named(name) }
    if let prefiller = parameters["remote_prefiller"], let name = prefiller["kv_request_id"]?.text,
      let address = EndpointAddress(host: prefiller["remote_host"], port: prefiller["remote_port"])
    {
      source = Source(address: address, offer: name, waits: true)
    } else if let other = parameters["remote_kv_source"],
      let address = EndpointAddress(host: other["remote_host"], port: other["remote_port"])
    {
      // The id is the reader's alone: the other engine has never seen it, and is asked what it holds.
      source = Source(address: address, offer: nil, waits: false)
    }
  }

  /// Reads the members that both SGLang engines get. Without them a decode engine computes the prompt itself, so that a sidecar may
  /// turn to it alone; real engines in either mode answer a request without a room with 400.
  private mutating func readRoom(_ body: JSONNode, _ mode: KVTransferOptions.DisaggregationMode) {
    let room = body["bootstrap_room"]?.integer.map { "\($0)" }
    switch mode {
    case .prefill:
      isPrefillOnly = true
      offer = room.map(Offer.named)
    case .decode:
      guard let room, let address = EndpointAddress(host: body["bootstrap_host"], port: body["bootstrap_port"]) else {
        return
      }
      source = Source(address: address, offer: room, waits: true)
    }
  }

  private mutating func readThreshold(_ body: JSONNode) throws(APIError) {
    guard let value = body["cache_hit_threshold"], value != .null else { return }
    guard let share = value.double, (0...1).contains(share) else {
      throw .badValue(
        "cache_hit_threshold must be from 0 to 1, got \(value.printed).", parameter: "cache_hit_threshold",
        value: value.printed)
    }
    threshold = share
  }
}

extension EndpointAddress {
  /// Makes an address of two members of an object; nil when they are no host and port.
  fileprivate init?(host: JSONNode?, port: JSONNode?) {
    guard let host = host?.text, !host.isEmpty, let port = port?.integer.flatMap({ UInt16(exactly: $0) }), port > 0
    else {
      return nil
    }
    self.init(host: host, port: port)
  }
}
