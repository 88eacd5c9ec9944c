package import EPPCore
import NIOCore
import NIOPosix

/// A simulated engine with a port: vLLM's HTTP API without a model. Any thread may use it.
///
/// It serves `/v1/completions`, `/v1/chat/completions`, `/v1/models`, `/v1/load_lora_adapter`, `/v1/unload_lora_adapter`,
/// `/health`, `/ping`, `/version`, `/load`, `/metrics`, `/reset_prefix_cache`, `/tokenize`, `/detokenize`, the `/render` paths
/// of both APIs, `/kv_event_sources`, `/sim/faults`, `/sim/kv-events`, `/sim/requests` and `/sim/transfers`. One thread does all work of an engine, except sending
/// KV events; several engines share the process's event loops.
package final class EngineServer: Sendable {
  /// The address on which the server listens.
  package let address: EndpointAddress
  /// The configuration of KV events, with the ports that the system has chosen; nil when they are turned off.
  package var kvEvents: KVEventsConfiguration? { publisher?.configuration }
  /// The side channel on which other engines fetch blocks, as answers name it; nil on an engine without one.
  package let sideChannel: EndpointAddress?
  private let publisher: KVEventPublisher?
  private let eventLoop: any EventLoop
  /// The listener of the API, and that of the side channel when there is one.
  private let listeners: NIOLoopBound<[EngineListener]>

  private init(
    address: EndpointAddress, sideChannel: EndpointAddress?, publisher: KVEventPublisher?, eventLoop: any EventLoop,
    listeners: NIOLoopBound<[EngineListener]>
  ) {
    self.address = address
    self.sideChannel = sideChannel
    self.publisher = publisher
    self.eventLoop = eventLoop
    self.listeners = listeners
  }

  /// Opens the port and serves until `stop`.
  ///
  /// - Parameter port: The port; 0 binds a free port.
  /// - Throws: Errors of NIO when the port cannot be bound, `KVEventPublisherError` when a port of KV events cannot, and
  ///   `SideChannelError` when that of the side channel cannot.
  package static func start(options: EngineOptions, host: String = "127.0.0.1", port: Int = 0) async throws
    -> EngineServer
  {
    let eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
    var publisher: KVEventPublisher?
    if let configuration = options.kvEvents {
      publisher = try await KVEventPublisher.start(configuration, options.kvEventFormat)
    }
    do {
      return try await start(options: options, host: host, port: port, publisher: publisher, on: eventLoop)
    } catch {
      try await publisher?.stop()
      throw error
    }
  }

  private static func start(
    options: EngineOptions, host: String, port: Int, publisher: KVEventPublisher?, on eventLoop: any EventLoop
  ) async throws -> EngineServer {
    let engine = try await eventLoop.submit {
      NIOLoopBound(EngineLoop(options: options, eventLoop: eventLoop, publisher: publisher), eventLoop: eventLoop)
    }.get()
    let listener = try await open(engine, host: host, port: port) { EngineHTTPHandler(engine: $0) }
    var side: NIOLoopBound<EngineListener>?
    if let transfer = options.kvTransfer, transfer.connector.hasSideChannel {
      do {
        side = try await open(engine, host: host, port: transfer.port) { TransferHTTPHandler(engine: $0) }
      } catch {
        try await eventLoop.flatSubmit { listener.value.stop() }.get()
        throw SideChannelError(host: host, port: transfer.port, reason: error)
      }
    }
    let opened = side
    let (address, sideChannel, listeners) = try await eventLoop.submit {
      let (engine, listeners) = (engine.value, [listener.value] + (opened.map { [$0.value] } ?? []))
      let ports = listeners.map { UInt16(clamping: $0.port) }
      engine.address = EndpointAddress(host: host, port: ports[0])
      if ports.count > 1 {
        engine.sender?.address = EndpointAddress(host: options.kvTransfer?.host ?? host, port: ports[1])
      }
      engine.faultChanged = { [weak first = listeners.first, weak last = listeners.last] fault in
        first?.apply(fault)
        if last !== first { last?.apply(fault) }
      }
      engine.setFault(options.fault)
      return (engine.address, engine.sender?.address, NIOLoopBound(listeners, eventLoop: eventLoop))
    }.get()
    return EngineServer(
      address: address ?? EndpointAddress(host: host, port: 0), sideChannel: sideChannel, publisher: publisher,
      eventLoop: eventLoop, listeners: listeners)
  }

  private static func open(
    _ engine: NIOLoopBound<EngineLoop>, host: String, port: Int,
    _ makeHandler: @escaping @Sendable (EngineLoop) -> any ChannelInboundHandler
  ) async throws -> NIOLoopBound<EngineListener> {
    let eventLoop = engine.eventLoop
    let listener = try await eventLoop.submit {
      NIOLoopBound(EngineListener(engine: engine.value, host: host, port: port, makeHandler), eventLoop: eventLoop)
    }.get()
    try await eventLoop.flatSubmit { listener.value.open() }.get()
    return listener
  }

  /// Sets the engine's fault.
  ///
  /// - Parameter duration: Time after which the fault ends; nil for a fault without end.
  package func setFault(_ fault: EngineFault, for duration: Duration? = nil) async throws {
    try await eventLoop.submit { [listeners] in listeners.value.first?.engine.setFault(fault, for: duration) }.get()
  }

  /// Changes the faults of the publisher of KV events; does nothing when there is none.
  package func changeKVEventFaults(_ change: (inout KVEventFaults) -> Void) { publisher?.changeFaults(change) }

  /// Returns the number of blocks in the prefix cache by hash.
  package func residency() async throws -> [BlockHash: Int] {
    try await eventLoop.submit { [listeners] in listeners.value.first?.engine.engine.pool.residency ?? [:] }.get()
  }

  /// Closes the ports and all connections.
  package func stop() async throws {
    try await eventLoop.flatSubmit { [listeners, eventLoop] in
      EventLoopFuture.andAllComplete(listeners.value.map { $0.stop() }, on: eventLoop)
    }.get()
    try await publisher?.stop()
  }
}

/// Why the port of a side channel cannot be opened.
package struct SideChannelError: Error, CustomStringConvertible {
  var host: String
  var port: Int
  var reason: any Error

  package var description: String {
    "cannot open the side channel on \(host) port \(port): \(reason). Choose another --kv-transfer-port, or 0 for any that is free."
  }
}
