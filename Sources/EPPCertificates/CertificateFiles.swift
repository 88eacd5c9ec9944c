import EPPDataLayer

/// The files of a server's certificate, its key, and the authority of its clients. `look` finds changes, such as those of a
/// mounted Kubernetes secret.
package struct CertificateFiles: Sendable {
  /// The result of `look`.
  package enum Look: Equatable, Sendable {
    case unchanged
    /// The files have changed, and can be used.
    case replaced(TLSIdentity)
    /// The files have changed, and cannot be used; the identity stays. Reported once.
    case problem(CertificateProblem)
  }

  private static let certificateName = "tls.crt"
  private static let keyName = "tls.key"
  /// Bytes of the largest file that is read. A chain has a few kilobytes, and a bundle of all public authorities 250 KB.
  private static let largestFile = 1 << 20

  /// What the files gave last, and can be used.
  package private(set) var identity: TLSIdentity
  /// What the files give, as far as they can be read.
  private var latest: TLSIdentity
  private let folder: (path: String, flag: String)?
  private let authority: (path: String, flag: String)?
  private var certificate: WatchedFile?
  private var key: WatchedFile?
  private var authorityFile: WatchedFile?
  /// What cannot be used of `latest`, and whether it has been reported: that waits for the next look, because files that are
  /// replaced one after the other do not match for a moment.
  private var faulty: (identity: TLSIdentity, isReported: Bool)?

  /// Reads the files, which blocks.
  ///
  /// - Parameters:
  ///   - folder: The folder with `tls.crt` and `tls.key`, the names of a Kubernetes TLS secret, and the flag that names it; nil
  ///     makes a self-signed certificate.
  ///   - authority: The file with certificates of the clients' authorities, and the flag that names it; nil asks clients for no
  ///     certificate.
  /// - Throws: `CertificateProblem` when a file cannot be read or used.
  package init(
    folder: (path: String, flag: String)?, authority: (path: String, flag: String)?
  ) throws(CertificateProblem) {
    self.folder = folder
    self.authority = authority
    latest = try folder == nil ? .selfSigned() : TLSIdentity(certificateChain: "", privateKey: "")
    identity = latest
    if let folder {
      certificate = WatchedFile(path: "\(folder.path)/\(Self.certificateName)", largest: Self.largestFile)
      key = WatchedFile(path: "\(folder.path)/\(Self.keyName)", largest: Self.largestFile)
    }
    authorityFile = authority.map { WatchedFile(path: $0.path, largest: Self.largestFile) }
    try readChanges()
    if let fault = latest.fault { throw problem(fault) }
    identity = latest
  }

  /// Checks the files, and reads those that have changed. Blocks the thread for file system calls.
  package mutating func look() -> Look {
    do throws(CertificateProblem) {
      try readChanges()
    } catch {
      // What could be read is judged at the next look.
      return .problem(error)
    }
    guard latest != identity else {
      faulty = nil
      return .unchanged
    }
    if let faulty, faulty.identity == latest, faulty.isReported { return .unchanged }
    guard let fault = latest.fault else {
      faulty = nil
      identity = latest
      return .replaced(identity)
    }
    let persists = faulty?.identity == latest
    faulty = (latest, persists)
    return persists ? .problem(problem(fault)) : .unchanged
  }

  /// Updates `latest` by the files that have changed.
  private mutating func readChanges() throws(CertificateProblem) {
    let flag = folder?.flag ?? ""
    if let text = try Self.text(&certificate, flag) { latest.certificateChain = text }
    if let text = try Self.text(&key, flag) { latest.privateKey = text }
    if let text = try Self.text(&authorityFile, authority?.flag ?? "") { latest.clientAuthority = text }
  }

  /// Returns the text of a file that has changed; nil when it has not, or when there is no file.
  private static func text(_ file: inout WatchedFile?, _ flag: String) throws(CertificateProblem) -> String? {
    guard let path = file?.path, let look = file?.look() else { return nil }
    switch look {
    case .unchanged: return nil
    case .content(let bytes):
      guard let text = String(validating: bytes, as: UTF8.self) else {
        throw CertificateProblem("\(flag): \(path): \(FileProblem.noText)")
      }
      return text
    case .problem(let problem): throw CertificateProblem("\(flag): \(path): \(problem)")
    }
  }

  private func problem(_ fault: TLSIdentity.Fault) -> CertificateProblem {
    let (path, flag) = folder ?? (path: "", flag: "")
    let (certificate, key) = ("\(path)/\(Self.certificateName)", "\(path)/\(Self.keyName)")
    let sentence =
      switch fault {
      case .certificate: "\(flag): \(certificate) cannot be used: it is no certificate in PEM form"
      case .key: "\(flag): \(key) cannot be used: it is no private key in PEM form, or is protected by a password"
      case .pair: "\(flag): \(certificate) and \(key) cannot be used: the key is not the certificate's"
      case .authority:
        "\(authority?.flag ?? ""): \(authority?.path ?? "") cannot be used: it has no certificate in PEM form"
      }
    return CertificateProblem(sentence)
  }
}
