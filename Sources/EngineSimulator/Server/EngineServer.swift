package import EPPCore
import NIOCore
import NIOPosix

/// A simulated engine that listens: vLLM's HTTP API without a model behind it.
///
/// It serves `/v1/completions`, `/v1/chat/completions`, `/v1/models`, `/v1/load_lora_adapter`, `/v1/unload_lora_adapter`,
/// `/health`, `/ping`, `/version`, `/load`, `/metrics`, `/reset_prefix_cache`, `/tokenize`, `/detokenize`, the `/render` paths
/// of both APIs, `/kv_event_sources`, `/sim/faults` and `/sim/kv-events`. All work of one engine is done on one thread, but for
/// its KV events; several engines share the process's event loops.
package final class EngineServer: Sendable {
  /// Where it listens.
  package let address: EndpointAddress
  /// Where it publishes KV events, with the ports that the system chose; nil when it publishes none.
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

  /// Opens the port and serves until `stop`; port 0 takes any that is free.
  ///
  /// Throws what the system says when the port cannot be opened, and `KVEventPublisherError` when one for KV events cannot.
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

  /// Changes what is wrong with the engine; with a duration, nothing is wrong after it.
  package func setFault(_ fault: EngineFault, for duration: Duration? = nil) async throws {
    try await eventLoop.submit { [listener] in listener.value.engine.setFault(fault, for: duration) }.get()
  }

  /// Changes what is wrong with the publisher of KV events, if there is one.
  package func changeKVEventFaults(_ change: (inout KVEventFaults) -> Void) { publisher?.changeFaults(change) }

  /// The hashes of the blocks that the prefix cache holds, with the number of blocks that have each.
  package func residency() async throws -> [BlockHash: Int] {
    try await eventLoop.submit { [listener] in listener.value.engine.engine.pool.residency }.get()
  }

  /// Closes the ports and every connection.
  package func stop() async throws {
    try await eventLoop.flatSubmit { [listener] in listener.value.stop() }.get()
    try await publisher?.stop()
  }
}
