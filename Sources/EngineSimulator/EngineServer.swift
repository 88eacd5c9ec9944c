package import EPPCore
import NIOCore
import NIOPosix

/// A simulated engine that listens: vLLM's HTTP API without a model behind it.
///
/// It serves `/v1/completions`, `/v1/chat/completions`, `/v1/models`, `/v1/load_lora_adapter`, `/v1/unload_lora_adapter`,
/// `/health`, `/ping`, `/version`, `/load`, `/metrics`, `/reset_prefix_cache` and `/sim/faults`. All work of one engine is done
/// on one thread; several engines share the process's event loops.
package final class EngineServer: Sendable {
  /// Where it listens.
  package let address: EndpointAddress
  private let eventLoop: any EventLoop
  private let listener: NIOLoopBound<EngineListener>

  private init(address: EndpointAddress, eventLoop: any EventLoop, listener: NIOLoopBound<EngineListener>) {
    self.address = address
    self.eventLoop = eventLoop
    self.listener = listener
  }

  /// Opens the port and serves until `stop`; port 0 takes any that is free.
  ///
  /// Throws what the system says when the port cannot be opened.
  package static func start(options: EngineOptions, host: String = "127.0.0.1", port: Int = 0) async throws
    -> EngineServer
  {
    let eventLoop: any EventLoop = MultiThreadedEventLoopGroup.singleton.next()
    let listener = try await eventLoop.submit {
      let engine = EngineLoop(options: options, eventLoop: eventLoop)
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
    return EngineServer(address: address, eventLoop: eventLoop, listener: listener)
  }

  /// Changes what is wrong with the engine; with a duration, nothing is wrong after it.
  package func setFault(_ fault: EngineFault, for duration: Duration? = nil) async throws {
    try await eventLoop.submit { [listener] in listener.value.engine.setFault(fault, for: duration) }.get()
  }

  /// Closes the port and every connection.
  package func stop() async throws {
    try await eventLoop.flatSubmit { [listener] in listener.value.stop() }.get()
  }
}
