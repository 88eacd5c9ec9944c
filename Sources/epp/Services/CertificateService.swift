import EPPCertificates
import Logging
import NIOPosix
import ServiceLifecycle

/// Takes new certificates when their files change. The files are read on a thread of their own: a network file system may take
/// seconds.
struct CertificateService: Service {
  /// The files, as they were read at start.
  let files: CertificateFiles
  /// The flags of the files, for the log.
  let name: String
  /// The logger of changes.
  let logger: Logger
  /// Takes the identity, for connections from now on; throws when it cannot be used.
  let apply: @Sendable (TLSIdentity) throws -> Void

  /// Time between two looks. A kubelet renews a mounted secret within a minute or so.
  private static let interval = Duration.seconds(1)

  func run() async throws {
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
