package import NIOSSL
import Synchronization

/// A server's certificate, which can be replaced while it serves. Any thread may use it.
package final class ServerCertificate: Sendable {
  /// Why an identity cannot be used.
  package struct Problem: Error, Sendable, CustomStringConvertible {
    package let description: String
  }

  private let context: Mutex<NIOSSLContext>
  private let port: String
  private let protocols: [String]

  /// - Parameters:
  ///   - port: The port's name, for errors, such as "the metrics port".
  ///   - protocols: The application protocols that clients may choose from (ALPN), the preferred one first.
  /// - Throws: When the identity cannot be used.
  package init(_ identity: TLSIdentity, of port: String, protocols: [String] = []) throws(Problem) {
    self.port = port
    self.protocols = protocols
    context = Mutex(try Self.context(identity, port, protocols))
  }

  /// The context for a new connection.
  package var current: NIOSSLContext { context.withLock { $0 } }

  /// Takes another certificate for connections from now on.
  ///
  /// - Throws: When the identity cannot be used; the previous one stays.
  package func replace(_ identity: TLSIdentity) throws(Problem) {
    let next = try Self.context(identity, port, protocols)
    context.withLock { $0 = next }
  }

  private static func context(_ identity: TLSIdentity, _ port: String, _ protocols: [String]) throws(Problem)
    -> NIOSSLContext
  {
    do {
      var settings = try configuration(identity)
      settings.applicationProtocols = protocols
      return try NIOSSLContext(configuration: settings)
    } catch {
      throw Problem(description: "certificate, key or authority of \(port) cannot be used: \(error)")
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
