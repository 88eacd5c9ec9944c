import CGRPCShim

/// A gRPC server on one port with its worker threads.
@safe final class Listener: @unchecked Sendable {
  // Unchecked: the pointer is a thread-safe object of the C core; the rest is immutable.

  struct Options: Sendable {
    var maximumReceiveMessageBytes: Int
    var maximumConcurrentStreams: Int
    var workers: Int
  }

  private let server: OpaquePointer
  private let workers: [Worker]
  let port: Int

  /// Binds the port; throws when that fails.
  ///
  /// - Parameters:
  ///   - makeFactory: called once on each worker thread.
  ///   - onDrained: called when no call is left after `stopAccepting`, on a worker thread.
  init(
    address: String, tls: TLSIdentity?, options: Options,
    makeFactory: @escaping @Sendable () -> any CallHandlerFactory, onDrained: @escaping @Sendable () -> Void
  ) throws(ServerError) {
    var shimOptions = epp_server_options(
      max_receive_message_bytes: Int32(clamping: options.maximumReceiveMessageBytes),
      max_send_message_bytes: -1,
      max_concurrent_streams: Int32(clamping: options.maximumConcurrentStreams),
      // Envoy's own default limit for a request's headers is 60 KiB; a stream's own headers are far smaller.
      max_metadata_bytes: 65_536,
      // A gateway that vanished without a word is found within 80 s.
      keepalive_time_ms: 60_000, keepalive_timeout_ms: 20_000,
      // Kubernetes gateways ping every 10 s and more; below 5 s it is a flood.
      min_ping_interval_ms: 5_000)
    let server = unsafe epp_server_create(&shimOptions)
    let credentials: OpaquePointer
    if let tls {
      guard let created = unsafe epp_credentials_tls(tls.certificateChainPEM, tls.privateKeyPEM) else {
        unsafe epp_server_destroy(server)
        throw ServerError("the TLS certificate or its key cannot be used: both have to be PEM and belong together")
      }
      unsafe credentials = created
    } else {
      unsafe credentials = epp_credentials_plain()
    }
    defer { unsafe epp_credentials_release(credentials) }
    let workers = (0..<options.workers).map { _ in
      unsafe Worker(server: server, makeFactory: makeFactory, onShutdown: onDrained)
    }
    let bound = unsafe epp_server_listen(server, address, credentials)
    guard bound > 0 else {
      for worker in workers { unsafe epp_queue_shutdown(worker.queue) }
      for worker in workers { worker.drainWithoutThread() }
      unsafe epp_server_destroy(server)
      throw ServerError("cannot listen on \(address): the port is taken or the address is not one of this machine")
    }
    unsafe self.server = server
    self.workers = workers
    port = Int(bound)
  }

  func start() {
    unsafe epp_server_start(server)
    for worker in workers { worker.start() }
  }

  /// Accepts no more calls; those that are open go on.
  func stopAccepting() {
    unsafe epp_server_shutdown(server, workers[0].queue, workers[0].shutdownTag)
  }

  /// Ends all open calls.
  func cancelAllCalls() { unsafe epp_server_cancel_all_calls(server) }

  /// Ends the threads. Only after the server has said that it is drained.
  func finish() {
    for worker in workers { unsafe epp_queue_shutdown(worker.queue) }
    for worker in workers { worker.join() }
    unsafe epp_server_destroy(server)
  }
}
