import CGRPCShim
import EPPCore

/// A port, accepted by the first worker for all.
@safe final class Listener: @unchecked Sendable {
  // Unchecked: the pointer is a thread-safe object of the C core; the rest is immutable.

  struct Options: Sendable {
    var maximumReceiveMessageBytes: Int
    /// Open streams per connection.
    var maximumConcurrentStreams: Int
  }

  let server: OpaquePointer
  let port: Int
  /// Called once on each worker's thread.
  let makeFactory: @Sendable () -> any CallHandlerFactory
  private let drained = OneShotEvent()

  /// Binds the port; throws when that fails.
  init(
    address: String, tls: TLSIdentity?, options: Options, workers: WorkerGroup,
    makeFactory: @escaping @Sendable () -> any CallHandlerFactory
  ) throws(ServerError) {
    var shimOptions = epp_server_options(
      max_receive_message_bytes: Int32(clamping: options.maximumReceiveMessageBytes),
      max_send_message_bytes: -1,
      max_concurrent_streams: Int32(clamping: options.maximumConcurrentStreams),
      // Envoy's own default limit for a request's headers is 60 KiB; a stream's own headers are far smaller.
      max_metadata_bytes: 65_536,
      // A gateway that vanished without a word is found within 80 s.
      keepalive_time_ms: 60_000, keepalive_timeout_ms: 20_000)
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
    unsafe epp_server_register_queue(server, workers.first.queue)
    let bound = unsafe epp_server_listen(server, address, credentials)
    guard bound > 0 else {
      unsafe epp_server_destroy(server)
      throw ServerError("cannot listen on \(address): the port is taken or the address is not one of this machine")
    }
    unsafe self.server = server
    self.makeFactory = makeFactory
    port = Int(bound)
  }

  deinit { unsafe epp_server_destroy(server) }

  func start() { unsafe epp_server_start(server) }

  /// Connections that were accepted and are open; at least 1 when they cannot be counted.
  var connectionCount: Int { Int(epp_connections(Int32(port))) }

  /// Takes calls for the workers; on the thread of the first one.
  func accept(with workers: WorkerGroup) { Acceptor(self, workers: workers).post() }

  /// Accepts no more calls; those that are open go on. The first worker hears of the end of the last connection.
  func stopAccepting(_ workers: WorkerGroup) {
    unsafe epp_server_shutdown(server, workers.first.queue, CompletionTag(self, .shutdown).rawValue)
  }

  /// The last connection has ended: called by the first worker.
  func noteDrained() { drained.signal() }

  /// Waits for the end of the last call.
  func waitUntilDrained() async { await drained.wait() }

  /// Ends all open calls.
  func cancelAllCalls() { unsafe epp_server_cancel_all_calls(server) }
}
