import EPPCertificates
import Foundation
import Testing

/// Files of certificates that are made by the library itself.
@Suite struct CertificateFilesTests {
  private final class Folder: Sendable {
    let path = NSTemporaryDirectory() + "certificate-files-" + UUID().uuidString

    init() throws { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, _ name: String) throws {
      try Data(text.utf8).write(to: URL(fileURLWithPath: path + "/" + name), options: .atomic)
    }

    func write(_ identity: TLSIdentity) throws {
      try write(identity.certificateChain, "tls.crt")
      try write(identity.privateKey, "tls.key")
    }
  }

  private func files(_ folder: Folder, authority: Bool = false) throws -> CertificateFiles {
    try CertificateFiles(
      folder: (folder.path, "--cert-path"), authority: authority ? (folder.path + "/ca.crt", "--ca") : nil)
  }

  @Test("Files that change together are a new identity, once")
  func replaced() throws {
    let folder = try Folder()
    let (first, second) = (try TLSIdentity.selfSigned(), try TLSIdentity.selfSigned())
    try folder.write(first)
    var files = try files(folder)
    #expect(files.identity == first)
    #expect(files.look() == .unchanged)
    try folder.write(second)
    #expect(files.look() == .replaced(second))
    #expect(files.look() == .unchanged)
    #expect(files.identity == second)
  }

  @Test("Files that are replaced one after the other are no problem, unless they do not match at the next look either")
  func halfReplaced() throws {
    let folder = try Folder()
    let (first, second) = (try TLSIdentity.selfSigned(), try TLSIdentity.selfSigned())
    try folder.write(first)
    var files = try files(folder)
    try folder.write(second.certificateChain, "tls.crt")
    #expect(files.look() == .unchanged)
    try folder.write(second.privateKey, "tls.key")
    #expect(files.look() == .replaced(second))
    try folder.write(first.privateKey, "tls.key")
    #expect(files.look() == .unchanged)
    guard case .problem(let problem) = files.look() else {
      Issue.record("a key of another certificate is no problem")
      return
    }
    #expect(problem.description.hasSuffix("cannot be used: the key is not the certificate's"))
    #expect(files.look() == .unchanged)
    #expect(files.identity == second)
    // The old state again is no change.
    try folder.write(second.privateKey, "tls.key")
    #expect(files.look() == .unchanged)
  }

  @Test("A file that goes is a problem, reported once, and comes back")
  func missing() throws {
    let folder = try Folder()
    let identity = try TLSIdentity.selfSigned()
    try folder.write(identity)
    var files = try files(folder)
    try FileManager.default.removeItem(atPath: folder.path + "/tls.key")
    guard case .problem(let problem) = files.look() else {
      Issue.record("a missing key is no problem")
      return
    }
    #expect(problem.description == "--cert-path: \(folder.path)/tls.key: it does not exist")
    #expect(files.look() == .unchanged)
    try folder.write(identity)
    #expect(files.look() == .unchanged)
    #expect(files.identity == identity)
  }

  @Test("An authority of clients is a file by itself, also with a self-signed certificate")
  func authority() throws {
    let folder = try Folder()
    let (first, second) = (try TLSIdentity.selfSigned(), try TLSIdentity.selfSigned())
    try folder.write(first.certificateChain, "ca.crt")
    var files = try CertificateFiles(folder: nil, authority: (folder.path + "/ca.crt", "--ca"))
    var expected = files.identity
    #expect(expected.clientAuthority == first.certificateChain && expected.fault == nil)
    try folder.write(second.certificateChain + first.certificateChain, "ca.crt")
    expected.clientAuthority = second.certificateChain + first.certificateChain
    #expect(files.look() == .replaced(expected))
    try folder.write("none", "ca.crt")
    #expect(throws: CertificateProblem.self) { try self.files(folder, authority: true) }
  }

  @Test("A new certificate is taken although the authority cannot be read, whose last text stays")
  func authorityGone() throws {
    let folder = try Folder()
    let (first, second, third) = (
      try TLSIdentity.selfSigned(), try TLSIdentity.selfSigned(), try TLSIdentity.selfSigned()
    )
    try folder.write(first)
    try folder.write(third.certificateChain, "ca.crt")
    var files = try files(folder, authority: true)
    try folder.write(second)
    try FileManager.default.removeItem(atPath: folder.path + "/ca.crt")
    guard case .problem = files.look() else {
      Issue.record("a missing authority is no problem")
      return
    }
    var expected = second
    expected.clientAuthority = third.certificateChain
    #expect(files.look() == .replaced(expected))
    #expect(files.look() == .unchanged)
  }

  @Test("What is wrong with an identity is found before it is used")
  func faults() throws {
    let (identity, other) = (try TLSIdentity.selfSigned(), try TLSIdentity.selfSigned())
    #expect(identity.fault == nil)
    func with(_ change: (inout TLSIdentity) -> Void) -> TLSIdentity.Fault? {
      var changed = identity
      change(&changed)
      return changed.fault
    }
    #expect(with { $0.certificateChain = "" } == .certificate)
    #expect(with { $0.certificateChain = $0.privateKey } == .certificate)
    #expect(with { $0.privateKey = "" } == .key)
    #expect(with { $0.privateKey = $0.certificateChain } == .key)
    #expect(with { $0.privateKey = other.privateKey } == .pair)
    #expect(with { $0.certificateChain = other.certificateChain + $0.certificateChain } == .pair)
    #expect(with { $0.certificateChain += other.certificateChain } == nil)
    #expect(with { $0.clientAuthority = "" } == .authority)
    #expect(with { $0.clientAuthority = other.certificateChain } == nil)
    let protected = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n"
    #expect(with { $0.privateKey = protected } == .key)
  }
}
