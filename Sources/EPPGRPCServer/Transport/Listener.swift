import CGRPCShim
import EPPCertificates
import EPPCore
import Glibc

/// A bound port. The first worker accepts its calls for all workers. Any thread may use it.
@safe final class Listener: @unchecked Sendable {
  // Unchecked: the pointers are thread-safe objects of the C core and the shim; the rest is immutable.

  /// The limits of a port.
  struct Options: Sendable {
    /// Bytes of one received message at most.
    var maximumReceiveMessageBytes: Int
    /// Open streams per connection at most.
    var maximumConcurrentStreams: Int
  }

  /// The server object of the C core.
  let server: OpaquePointer
  /// The credentials of the port.
  private let credentials: OpaquePointer
  /// The bound port.
  let port: Int
  /// Makes the handlers of a worker; called once on each worker's thread.
  let makeFactory: @Sendable () -> any CallHandlerFactory
  private let drained = OneShotEvent()

  /// Binds the port.
  ///
  /// - Parameters:
  ///   - host: An IP literal.
  ///   - port: The port; 0 binds a free port.
  ///   - flag: The flag that sets the port, for the error message.
  /// - Throws: `ServerError` when the port cannot be bound, or when the C core cannot use certificate and key.
  init(
    host: String, port: Int, flag: String, tls: TLSIdentity?, options: Options, workers: WorkerGroup,
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
    let credentials =
      if let tls {
        unsafe epp_credentials_tls(tls.certificateChain, tls.privateKey, tls.clientAuthority)
      } else {
        unsafe epp_credentials_plain()
      }
    unsafe epp_server_register_queue(server, workers.first.queue)
    let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    let bound = unsafe epp_server_listen(server, address, credentials)
    guard bound > 0 else {
      unsafe epp_server_destroy(server)
      unsafe epp_credentials_destroy(credentials)
      throw Self.problem(host, port, flag)
    }
    unsafe self.server = server
    unsafe self.credentials = credentials
    self.makeFactory = makeFactory
    self.port = Int(bound)
  }

  /// Returns why the port could not be bound. The core gives no reason, so the shim tries to bind it again.
  private static func problem(_ host: String, _ port: Int, _ flag: String) -> ServerError {
    let code = unsafe epp_listen_error(host, Int32(port))
    switch code {
    case 0:
      return ServerError("\(flag) \(port): gRPC cannot listen on \(host), or cannot use certificate and key")
    case EADDRINUSE:
      return ServerError(
        "\(flag) \(port): another process listens on this port of \(host); stop it or choose another port")
    case EACCES: return ServerError("\(flag) \(port): not allowed to listen on this port; choose one above 1023")
    case EADDRNOTAVAIL: return ServerError("--bind-address \(host): this is not an address of this machine")
    default:
      return unsafe ServerError("\(flag) \(port): cannot listen on \(host): \(String(cString: strerror(code)))")
    }
  }

  deinit {
    unsafe epp_server_destroy(server)
    unsafe epp_credentials_destroy(credentials)
  }

  /// Takes another certificate for connections from now on. The identity has a client authority if that of the initializer has
  /// one.
  func replace(_ identity: TLSIdentity) {
    unsafe epp_credentials_replace(
      credentials, identity.certificateChain, identity.privateKey, identity.clientAuthority)
  }

  /// Starts the server object. Calls are accepted after `accept(with:)`.
  func start() { unsafe epp_server_start(server) }

  /// Open connections; at least 1 when they cannot be counted.
  var connectionCount: Int { Int(epp_connections(Int32(port))) }

  /// Starts to accept calls for the workers. Has to be called on the thread of the first worker.
  func accept(with workers: WorkerGroup) { Acceptor(self, workers: workers).post() }

  /// Stops accepting calls; open calls go on. When the last connection has ended, the queue of the first worker completes the
  /// operation `shutdown`.
  func stopAccepting(_ workers: WorkerGroup) {
    unsafe epp_server_shutdown(server, workers.first.queue, CompletionTag(self, .shutdown).rawValue)
  }

  /// Ends `waitUntilDrained`. The first worker calls it when the last connection has ended.
  func noteDrained() { drained.signal() }

  /// Waits until the last connection has ended, after `stopAccepting`.
  func waitUntilDrained() async { await drained.wait() }

  /// Cancels all open calls.
  func cancelAllCalls() { unsafe epp_server_cancel_all_calls(server) }
}
