import Crypto
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The server's certificate chain and private key.
package struct TLSIdentity: Sendable {
  /// The certificate chain in PEM form, the server's certificate first.
  var certificateChainPEM: String
  /// The private key in PEM form.
  var privateKeyPEM: String
  /// The folder given with `--cert-path`; nil for a self-signed certificate.
  private var folder: String?

  private static let certificateName = "tls.crt"
  private static let keyName = "tls.key"

  /// Reads `tls.crt` and `tls.key` from a folder; the names are those of a Kubernetes TLS secret.
  ///
  /// - Parameter read: Reads the text file at a path; the description of an error that it throws says why it cannot.
  /// - Throws: `ServerError` when a file cannot be read. The contents are not checked.
  package init(folder: String, read: (String) throws -> String) throws(ServerError) {
    func text(_ name: String) throws(ServerError) -> String {
      let path = "\(folder)/\(name)"
      do { return try read(path) } catch { throw ServerError("--cert-path: \(path): \(error)") }
    }
    certificateChainPEM = try text(Self.certificateName)
    privateKeyPEM = try text(Self.keyName)
    self.folder = folder
  }

  private init(certificateChainPEM: String, privateKeyPEM: String) {
    self.certificateChainPEM = certificateChainPEM
    self.privateKeyPEM = privateKeyPEM
  }

  /// Why the gRPC core refuses certificate and key. The core gives no reason, so the files are checked here.
  var problem: ServerError {
    guard let folder else { return ServerError("the certificate that was made at start cannot be used") }
    let (certificate, key) = ("\(folder)/\(Self.certificateName)", "\(folder)/\(Self.keyName)")
    guard let chain = try? PEMDocument.parseMultiple(pemString: certificateChainPEM), let first = chain.first,
      (try? Certificate(pemDocument: first)) != nil
    else { return ServerError("--cert-path: \(certificate) cannot be used: it is no certificate in PEM form") }
    guard let keys = try? PEMDocument.parseMultiple(pemString: privateKeyPEM),
      keys.contains(where: { $0.discriminator.hasSuffix("PRIVATE KEY") })
    else { return ServerError("--cert-path: \(key) cannot be used: it is no private key in PEM form") }
    return ServerError(
      "--cert-path: \(certificate) and \(key) cannot be used: the key is not the certificate's, or is protected by a password"
    )
  }

  /// Makes a self-signed certificate. Its P-256 key takes less than a millisecond, an RSA-4096 key would take seconds. It is
  /// valid for ten years, and from yesterday on, so that clocks may differ.
  ///
  /// - Throws: `ServerError` when the certificate cannot be made.
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
