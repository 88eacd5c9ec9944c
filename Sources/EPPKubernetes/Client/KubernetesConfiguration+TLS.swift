import NIOSSL

extension KubernetesConfiguration {
  /// Returns the TLS settings of the configuration. Reads certificate and key files, which blocks.
  ///
  /// - Throws: `Problem` when a file cannot be read or is not in PEM format.
  func tlsConfiguration() throws(Problem) -> TLSConfiguration {
    var settings = TLSConfiguration.makeClientConfiguration()
    switch trust {
    case .system: break
    case .authorities(let pem): settings.trustRoots = .certificates(try Self.certificates(pem, "certificate authority"))
    case .anything: settings.certificateVerification = .none
    }
    if let identity {
      settings.certificateChain = try Self.certificates(identity.chain, "client certificate").map { .certificate($0) }
      settings.privateKey = .privateKey(try Self.key(identity.key))
    }
    return settings
  }

  private static func certificates(_ pem: PEM, _ what: String) throws(Problem) -> [NIOSSLCertificate] {
    let bytes = try bytes(of: pem, what)
    guard let certificates = try? NIOSSLCertificate.fromPEMBytes(bytes), !certificates.isEmpty else {
      throw Problem("\(what): no certificate in PEM format\(place(pem))")
    }
    return certificates
  }

  private static func key(_ pem: PEM) throws(Problem) -> NIOSSLPrivateKey {
    guard let key = try? NIOSSLPrivateKey(bytes: try bytes(of: pem, "client key"), format: .pem) else {
      throw Problem("client key: no private key in PEM format without a password\(place(pem))")
    }
    return key
  }

  private static func bytes(of pem: PEM, _ what: String) throws(Problem) -> [UInt8] {
    switch pem {
    case .bytes(let bytes): return bytes
    case .file(let path):
      do throws(FileReading.Problem) {
        return try FileReading.bytes(path, atMost: FileReading.largest)
      } catch {
        throw Problem("\(what): \(path): \(error)")
      }
    }
  }

  private static func place(_ pem: PEM) -> String { if case .file(let path) = pem { " in \(path)" } else { "" } }
}
