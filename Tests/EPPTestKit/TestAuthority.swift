import Crypto
import Foundation
package import NIOSSL
import SwiftASN1
import X509

/// A certificate authority for one test, which signs certificates.
package struct TestAuthority {
  private let key = P256.Signing.PrivateKey()
  private let name: DistinguishedName
  private let certificate: Certificate

  /// A certificate and its key, in PEM format.
  package struct Identity {
    package var chainPEM: String
    package var keyPEM: String
  }

  package init() throws {
    name = try DistinguishedName { CommonName("test authority") }
    certificate = try Self.sign(
      subject: name, key: key, issuer: name, by: key,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
        Critical(KeyUsage(keyCertSign: true))
      })
  }

  package var pem: [UInt8] { get throws { Array(try certificate.serializeAsPEM().pemString.utf8) } }

  /// Returns a certificate with its key, for a server on 127.0.0.1 or for a client.
  package func identity(_ commonName: String) throws -> Identity {
    let key = P256.Signing.PrivateKey()
    let leaf = try Self.sign(
      subject: try DistinguishedName { CommonName(commonName) }, key: key, issuer: name, by: self.key,
      extensions: try Certificate.Extensions {
        Critical(BasicConstraints.notCertificateAuthority)
        try ExtendedKeyUsage([.serverAuth, .clientAuth])
        SubjectAlternativeNames([.ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))])
      })
    return Identity(chainPEM: try leaf.serializeAsPEM().pemString, keyPEM: key.pemRepresentation)
  }

  /// Returns TLS settings of a server that accepts only clients with a certificate of the authority.
  package func serverConfiguration() throws -> TLSConfiguration {
    let identity = try identity("server")
    var settings = TLSConfiguration.makeServerConfiguration(
      certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(identity.chainPEM.utf8)).map { .certificate($0) },
      privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(identity.keyPEM.utf8), format: .pem)))
    settings.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(try pem))
    settings.certificateVerification = .noHostnameVerification
    return settings
  }

  private static func sign(
    subject: DistinguishedName, key: P256.Signing.PrivateKey, issuer: DistinguishedName,
    by signer: P256.Signing.PrivateKey,
    extensions: Certificate.Extensions
  ) throws -> Certificate {
    try Certificate(
      version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: .init(key.publicKey),
      notValidBefore: Date().addingTimeInterval(-86_400), notValidAfter: Date().addingTimeInterval(86_400),
      issuer: issuer,
      subject: subject, signatureAlgorithm: .ecdsaWithSHA256, extensions: extensions, issuerPrivateKey: .init(signer))
  }
}
