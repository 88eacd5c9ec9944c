package import EPPCore
import NIOSSL
import Synchronization

/// The certificates of the connections to pages, which follow their files. Any thread may use it.
package final class PageCertificates: Sendable {
  /// The reason why certificates cannot be used, in one sentence.
  package struct Problem: Error, Equatable, Sendable, CustomStringConvertible {
    package var description: String
  }

  /// The result of `look`.
  package enum Look: Equatable, Sendable {
    case unchanged
    /// The files have changed; new connections use them.
    case replaced
    /// The files have changed and cannot be used; the certificates of before stay. Reported once.
    case problem(Problem)
  }

  private struct State {
    var files: Files
    var context: NIOSSLContext
    /// Why the files of the last look cannot be used, and whether it has been reported: that waits for the next look, because
    /// files that are replaced one after the other do not match for a moment.
    var fault: (problem: Problem, isReported: Bool)?
  }

  private let state: Mutex<State>

  /// Reads the files, which blocks.
  ///
  /// - Throws: `Problem` when a file cannot be read or used.
  package init(_ settings: PageSource.Certificates) throws(Problem) {
    var files = Files(settings)
    _ = try files.readChanges()
    state = Mutex(State(files: files, context: try files.context()))
  }

  /// The context of a new connection.
  var context: NIOSSLContext { state.withLock { $0.context } }

  /// Checks the files, and reads those that have changed, which blocks. One caller at a time.
  package func look() -> Look {
    // The files are read outside the lock: a network file system may take seconds, and new connections do not wait.
    var files = state.withLock { $0.files }
    do throws(Problem) {
      guard try files.readChanges() else { return .unchanged }
      let context = try files.context()
      state.withLock { state in
        state.files = files
        state.context = context
        state.fault = nil
      }
      return .replaced
    } catch {
      let problem = error
      return state.withLock { state in
        let known = state.fault.flatMap { $0.problem == problem ? $0 : nil }
        state.fault = (problem, known != nil)
        return known?.isReported == false ? .problem(problem) : .unchanged
      }
    }
  }

  /// The files with their content.
  private struct Files {
    private struct File {
      var watched: WatchedFile
      var bytes: [UInt8] = []

      init(_ path: String) { watched = WatchedFile(path: path, largest: 1 << 20) }

      /// Reads the file if it has changed. Returns whether it has.
      mutating func readChanges() throws(Problem) -> Bool {
        switch watched.look() {
        case .unchanged: return false
        case .problem(let problem): throw Problem(description: "\(watched.path): \(problem)")
        case .content(let bytes):
          self.bytes = bytes
          return true
        }
      }
    }

    private let skipsVerification: Bool
    private var authority: File?
    private var certificate: File?
    private var key: File?

    init(_ settings: PageSource.Certificates) {
      skipsVerification = settings.skipsVerification
      authority = settings.skipsVerification ? nil : settings.authorityFile.map { File($0) }
      certificate = settings.certificateFile.map { File($0) }
      key = settings.keyFile.map { File($0) }
    }

    /// Reads the files that have changed. Returns whether there is any.
    mutating func readChanges() throws(Problem) -> Bool {
      var hasChanged = false
      hasChanged = try authority?.readChanges() ?? false || hasChanged
      hasChanged = try certificate?.readChanges() ?? false || hasChanged
      return try key?.readChanges() ?? false || hasChanged
    }

    func context() throws(Problem) -> NIOSSLContext {
      var settings = TLSConfiguration.makeClientConfiguration()
      if skipsVerification { settings.certificateVerification = .none }
      if let authority { settings.trustRoots = .certificates(try Self.certificates(authority)) }
      if let certificate, let key {
        settings.certificateChain = try Self.certificates(certificate).map { .certificate($0) }
        guard let privateKey = try? NIOSSLPrivateKey(bytes: key.bytes, format: .pem) else {
          throw Problem(
            description: "\(key.watched.path): it has no private key in PEM format, or one with a password")
        }
        settings.privateKey = .privateKey(privateKey)
      }
      do { return try NIOSSLContext(configuration: settings) } catch {
        let paths = [certificate, key].compactMap { $0?.watched.path }.joined(separator: " and ")
        throw Problem(description: "\(paths): they cannot be used together: \(error)")
      }
    }

    private static func certificates(_ file: File) throws(Problem) -> [NIOSSLCertificate] {
      guard let certificates = try? NIOSSLCertificate.fromPEMBytes(file.bytes), !certificates.isEmpty else {
        throw Problem(description: "\(file.watched.path): it has no certificate in PEM format")
      }
      return certificates
    }
  }
}

/// How a page is read: a source with its certificates.
package struct PageReading: Sendable {
  package let source: PageSource
  /// The certificates; nil for plain text.
  package let certificates: PageCertificates?

  /// Reads the files of certificates, which blocks.
  ///
  /// - Throws: `PageCertificates.Problem` when a file cannot be read or used.
  package init(_ source: PageSource) throws(PageCertificates.Problem) {
    self.source = source
    certificates = source.scheme == .https ? try PageCertificates(source.certificates) : nil
  }

  private init(plain source: PageSource) {
    self.source = source
    certificates = nil
  }

  /// Engines' metrics pages in plain text.
  package static let metrics = PageReading(plain: .metrics)
}
