import Crypto
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The server's certificate and its key, as PEM texts.
package struct TLSIdentity: Sendable {
  var certificateChainPEM: String
  var privateKeyPEM: String

  /// Reads `tls.crt` and `tls.key` of a folder, the names of a Kubernetes TLS secret.
  package init(folder: String) throws(ServerError) {
    certificateChainPEM = try Self.read(folder + "/tls.crt")
    privateKeyPEM = try Self.read(folder + "/tls.key")
  }

  private init(certificateChainPEM: String, privateKeyPEM: String) {
    self.certificateChainPEM = certificateChainPEM
    self.privateKeyPEM = privateKeyPEM
  }

  private static func read(_ path: String) throws(ServerError) -> String {
    do {
      return try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw ServerError("--cert-path: cannot read \(path)")
    }
  }

  /// A certificate for this process, signed by itself: P-256, which takes under a millisecond where RSA-4096 takes
  /// seconds; valid for ten years from yesterday, so that clocks may differ.
  package static func selfSigned() throws(ServerError) -> TLSIdentity {
    do {
      let key = P256.Signing.PrivateKey()
      let name = try DistinguishedName {
        OrganizationName("Warmpath")
        CommonName("warmpath-epp")
      }
      let now = Date()
      let certificate = try Certificate(
        version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
        notValidBefore: now.addingTimeInterval(-86_400), notValidAfter: now.addingTimeInterval(3650 * 86_400),
        issuer: name, subject: name, signatureAlgorithm: .ecdsaWithSHA256,
        extensions: try Certificate.Extensions {
          Critical(BasicConstraints.notCertificateAuthority)
          Critical(KeyUsage(digitalSignature: true))
          try ExtendedKeyUsage([.serverAuth])
          SubjectAlternativeNames([.dnsName("localhost"), .dnsName("warmpath-epp")])
        }, issuerPrivateKey: .init(key))
      return TLSIdentity(
        certificateChainPEM: try certificate.serializeAsPEM().pemString, privateKeyPEM: key.pemRepresentation)
    } catch {
      throw ServerError("cannot make a self-signed certificate: \(error)")
    }
  }
}
