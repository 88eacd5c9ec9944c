import CGRPCShim
import EPPCore
import Glibc

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
  ///
  /// - Parameters:
  ///   - host: an IP literal.
  ///   - flag: what names the port, for the error.
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
    let credentials: OpaquePointer
    if let tls {
      guard let created = unsafe epp_credentials_tls(tls.certificateChainPEM, tls.privateKeyPEM) else {
        unsafe epp_server_destroy(server)
        throw tls.problem
      }
      unsafe credentials = created
    } else {
      unsafe credentials = epp_credentials_plain()
    }
    defer { unsafe epp_credentials_release(credentials) }
    unsafe epp_server_register_queue(server, workers.first.queue)
    let address = host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    let bound = unsafe epp_server_listen(server, address, credentials)
    guard bound > 0 else {
      unsafe epp_server_destroy(server)
      throw Self.problem(host, port, flag, tls)
    }
    unsafe self.server = server
    self.makeFactory = makeFactory
    self.port = Int(bound)
  }

  /// Why the port could not be bound: the core only says that it could not.
  private static func problem(_ host: String, _ port: Int, _ flag: String, _ tls: TLSIdentity?) -> ServerError {
    let code = unsafe epp_listen_error(host, Int32(port))
    switch code {
    case 0: return tls?.problem ?? ServerError("\(flag) \(port): gRPC cannot listen on \(host)")
    case EADDRINUSE:
      return ServerError(
        "\(flag) \(port): another process listens on this port of \(host); stop it or choose another port")
    case EACCES: return ServerError("\(flag) \(port): not allowed to listen on this port; choose one above 1023")
    case EADDRNOTAVAIL: return ServerError("--bind-address \(host): this is not an address of this machine")
    default:
      return unsafe ServerError("\(flag) \(port): cannot listen on \(host): \(String(cString: strerror(code)))")
    }
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
