package import EPPCertificates
import HummingbirdCore
import Logging
import NIOCore
import NIOSSL
import Synchronization

/// The certificate of the metrics server, which can be replaced while it serves. Any thread may use it.
package final class ServerCertificate: Sendable {
  private let context: Mutex<NIOSSLContext>

  /// - Throws: `ObservabilityServerError` when the identity cannot be used.
  package init(_ identity: TLSIdentity) throws(ObservabilityServerError) {
    context = Mutex(try Self.context(identity))
  }

  /// The context for a new connection.
  var current: NIOSSLContext { context.withLock { $0 } }

  /// Takes another certificate for connections from now on.
  ///
  /// - Throws: `ObservabilityServerError` when the identity cannot be used; the previous one stays.
  package func replace(_ identity: TLSIdentity) throws(ObservabilityServerError) {
    let next = try Self.context(identity)
    context.withLock { $0 = next }
  }

  private static func context(_ identity: TLSIdentity) throws(ObservabilityServerError) -> NIOSSLContext {
    do {
      return try NIOSSLContext(configuration: configuration(identity))
    } catch {
      throw ObservabilityServerError("certificate, key or authority of the metrics port cannot be used: \(error)")
    }
  }

  private static func configuration(_ identity: TLSIdentity) throws -> TLSConfiguration {
    var settings = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(identity.certificateChain.utf8))
        .map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(identity.privateKey.utf8), format: .pem)))
    settings.minimumTLSVersion = .tlsv12
    if let authority = identity.clientAuthority {
      settings.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)))
      // Clients have no host name that a certificate could state.
      settings.certificateVerification = .noHostnameVerification
    }
    return settings
  }
}

/// Adds TLS to the connections of a server, each with the certificate of the moment when it was accepted.
struct TLSChannel<Base: ServerChildChannel>: ServerChildChannel {
  let base: Base
  let certificate: ServerCertificate

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Base.Value> {
    channel.eventLoop.makeCompletedFuture {
      try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificate.current))
    }.flatMap { base.setup(channel: channel, logger: logger) }
  }

  func handle(value: Base.Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}
