package import EPPCore
import NIOCore
import NIOPosix

/// A simulated engine with a port: vLLM's HTTP API without a model. Any thread may use it.
///
/// It serves `/v1/completions`, `/v1/chat/completions`, `/v1/models`, `/v1/load_lora_adapter`, `/v1/unload_lora_adapter`,
/// `/health`, `/ping`, `/version`, `/load`, `/metrics`, `/reset_prefix_cache`, `/tokenize`, `/detokenize`, the `/render` paths
/// of both APIs, `/kv_event_sources`, `/sim/faults` and `/sim/kv-events`. One thread does all work of an engine, except sending
/// KV events; several engines share the process's event loops.
package final class EngineServer: Sendable {
  /// The address on which the server listens.
  package let address: EndpointAddress
  /// The configuration of KV events, with the ports that the system has chosen; nil when they are turned off.
  package var kvEvents: KVEventsConfiguration? { publisher?.configuration }
  private let publisher: KVEventPublisher?
  private let eventLoop: any EventLoop
  private let listener: NIOLoopBound<EngineListener>

  private init(
    address: EndpointAddress, publisher: KVEventPublisher?, eventLoop: any EventLoop,
    listener: NIOLoopBound<EngineListener>
  ) {
    self.address = address
    self.publisher = publisher
    self.eventLoop = eventLoop
    self.listener = listener
  }

  /// Opens the port and serves until `stop`.
  ///
  /// - Parameter port: The port; 0 binds a free port.
  /// - Throws: Errors of NIO when the port cannot be bound, and `KVEventPublisherError` when a port of KV events cannot.
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
    let listener = try await eventLoop.submit {
      let engine = EngineLoop(options: options, eventLoop: eventLoop, publisher: publisher)
      return NIOLoopBound(EngineListener(engine: engine, host: host, port: port), eventLoop: eventLoop)
    }.get()
    try await eventLoop.flatSubmit { listener.value.open() }.get()
    let chosen = try await eventLoop.submit {
      let listener = listener.value
      listener.engine.faultChanged = { [unowned listener] in listener.apply($0) }
      listener.engine.setFault(options.fault)
      return listener.port
    }.get()
    let address = EndpointAddress(host: host, port: UInt16(clamping: chosen))
    return EngineServer(address: address, publisher: publisher, eventLoop: eventLoop, listener: listener)
  }

  /// Sets the engine's fault.
  ///
  /// - Parameter duration: Time after which the fault ends; nil for a fault without end.
  package func setFault(_ fault: EngineFault, for duration: Duration? = nil) async throws {
    try await eventLoop.submit { [listener] in listener.value.engine.setFault(fault, for: duration) }.get()
  }

  /// Changes the faults of the publisher of KV events; does nothing when there is none.
  package func changeKVEventFaults(_ change: (inout KVEventFaults) -> Void) { publisher?.changeFaults(change) }

  /// Returns the number of blocks in the prefix cache by hash.
  package func residency() async throws -> [BlockHash: Int] {
    try await eventLoop.submit { [listener] in listener.value.engine.engine.pool.residency }.get()
  }

  /// Closes the ports and all connections.
  package func stop() async throws {
    try await eventLoop.flatSubmit { [listener] in listener.value.stop() }.get()
    try await publisher?.stop()
  }
}
