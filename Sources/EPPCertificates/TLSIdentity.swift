import Crypto
import SwiftASN1
import X509

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A server's certificate chain and private key, and the authority whose certificates it wants of clients. Texts in PEM form.
package struct TLSIdentity: Equatable, Sendable {
  /// The certificate chain, the server's certificate first.
  package var certificateChain: String
  /// The private key of the first certificate.
  package var privateKey: String
  /// Certificates of authorities: clients have to show a certificate that one of them has signed. Nil asks for none.
  package var clientAuthority: String?

  package init(certificateChain: String, privateKey: String, clientAuthority: String? = nil) {
    self.certificateChain = certificateChain
    self.privateKey = privateKey
    self.clientAuthority = clientAuthority
  }

  /// A reason why an identity cannot be used.
  package enum Fault: Error, Equatable, Sendable {
    /// The chain is no certificate in PEM form.
    case certificate
    /// The key is no private key in PEM form, or is protected by a password.
    case key
    /// The key is not that of the first certificate.
    case pair
    /// The authority is no certificate in PEM form.
    case authority
  }

  /// The first fault; nil when there is none. A key of a kind that this library does not know is not compared with its
  /// certificate.
  package var fault: Fault? {
    guard let certificate = Self.certificates(certificateChain)?.first else { return .certificate }
    guard let documents = try? PEMDocument.parseMultiple(pemString: privateKey),
      let document = documents.first(where: { $0.discriminator.hasSuffix("PRIVATE KEY") }),
      document.discriminator != "ENCRYPTED PRIVATE KEY"
    else { return .key }
    if let key = try? Certificate.PrivateKey(pemDocument: document), key.publicKey != certificate.publicKey {
      return .pair
    }
    if let clientAuthority, Self.certificates(clientAuthority) == nil { return .authority }
    return nil
  }

  /// Returns the certificates of a text; nil when there is none, or one that cannot be read.
  private static func certificates(_ text: String) -> [Certificate]? {
    guard let documents = try? PEMDocument.parseMultiple(pemString: text), !documents.isEmpty else { return nil }
    return try? documents.map { try Certificate(pemDocument: $0) }
  }

  /// Makes a self-signed certificate. Its P-256 key takes less than a millisecond, an RSA-4096 key would take seconds. It is
  /// valid for ten years, and from yesterday on, so that clocks may differ.
  ///
  /// - Throws: `CertificateProblem` when the certificate cannot be made.
  package static func selfSigned() throws(CertificateProblem) -> TLSIdentity {
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
        certificateChain: try certificate.serializeAsPEM().pemString, privateKey: key.pemRepresentation)
    } catch {
      throw CertificateProblem("cannot make a self-signed certificate: \(error)")
    }
  }
}

/// Why certificates cannot be used, in one sentence for the operator.
package struct CertificateProblem: Error, CustomStringConvertible, Equatable, Sendable {
  package let description: String

  init(_ description: String) { self.description = description }
}
