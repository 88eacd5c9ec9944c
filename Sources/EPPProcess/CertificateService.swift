package import EPPCertificates
package import Logging
import NIOPosix
import ServiceLifecycle

/// Takes new certificates when their files change. The files are read on a thread of their own: a network file system may take
/// seconds.
package struct CertificateService: Service {
  private let files: CertificateFiles
  private let name: String
  private let logger: Logger
  private let apply: @Sendable (TLSIdentity) throws -> Void

  /// - Parameters:
  ///   - files: The files, as they were read at start.
  ///   - name: The flags of the files, for the log.
  ///   - logger: The logger of changes.
  ///   - apply: Takes the identity, for connections from now on; throws when it cannot be used.
  package init(
    files: CertificateFiles, name: String, logger: Logger, apply: @escaping @Sendable (TLSIdentity) throws -> Void
  ) {
    self.files = files
    self.name = name
    self.logger = logger
    self.apply = apply
  }

  /// Time between two looks. A kubelet renews a mounted secret within a minute or so.
  private static let interval = Duration.seconds(1)

  package func run() async throws {
    await cancelWhenGracefulShutdown {
      var files = files
      while (try? await Task.sleep(for: Self.interval)) != nil {
        let before = files
        guard
          let looked = try? await NIOThreadPool.singleton.runIfActive({
            var files = before
            let look = files.look()
            return (files, look)
          })
        else { return }
        files = looked.0
        note(looked.1)
      }
    }
  }

  private func note(_ look: CertificateFiles.Look) {
    switch look {
    case .unchanged: break
    case .problem(let problem): logger.warning("\(problem); the previous certificate stays in use")
    case .replaced(let identity):
      do {
        try apply(identity)
        logger.notice("new connections get the new certificate", metadata: ["files": "\(name)"])
      } catch {
        logger.warning(
          "the new certificate cannot be used; the previous one stays in use",
          metadata: ["files": "\(name)", "error": "\(error)"])
      }
    }
  }
}
