import EPPCore
import EPPDataLayer
package import EPPScheduling
import Glibc
package import Logging
import NIOPosix
import ServiceLifecycle

/// Reads files with signing keys, such as those of session tokens. Blocks the thread.
package struct SigningKeyFiles: Sendable {
  /// What a look at a file has shown.
  package enum Look: Equatable {
    case unchanged
    /// The ring has new keys.
    case replaced
    /// The file cannot be used, and the ring has the keys that it had.
    case problem(String)
  }

  /// By path: the text that was read last, or what was wrong.
  private var seen: [String: Result<String, Problem>] = [:]

  /// Why a file cannot be used.
  package struct Problem: Error, Equatable, CustomStringConvertible {
    package var description: String
  }

  /// What the keys sign, such as "session tokens".
  package let subject: String
  private let name: @Sendable (_ path: String) -> String

  /// - Parameters:
  ///   - subject: What the keys sign, for the log.
  ///   - name: How errors name the file at a path.
  package init(of subject: String, named name: @escaping @Sendable (_ path: String) -> String) {
    self.subject = subject
    self.name = name
  }

  /// Reads all files.
  ///
  /// - Throws: `Problem` when a file cannot be used.
  package mutating func readAll(_ rings: [String: SessionKeyRing]) throws(Problem) {
    for (path, ring) in rings {
      if case .problem(let message) = look(path, ring) { throw Problem(description: message) }
    }
  }

  /// Reads a file, and gives its keys to the ring when they have changed.
  package mutating func look(_ path: String, _ ring: SessionKeyRing) -> Look {
    ring.setTime(Int64(time(nil)), at: .now())
    do throws(Problem) {
      let text = try read(path)
      if case .success(text)? = seen[path] { return .unchanged }
      do throws(SessionKeyProblem) { ring.replace(with: try SessionSigningKey.keys(in: text)) } catch {
        throw Problem(description: "\(name(path)) cannot be used: \(error)")
      }
      seen[path] = .success(text)
      return .replaced
    } catch {
      if case .failure(error)? = seen[path] { return .unchanged }
      seen[path] = .failure(error)
      return .problem(error.description)
    }
  }

  private func read(_ path: String) throws(Problem) -> String {
    do throws(FileProblem) { return try TextFile.read(path) } catch {
      throw Problem(description: "\(name(path)) cannot be read: \(error)")
    }
  }
}

/// Takes new signing keys when their files change. The files are read on a thread of their own: a network file system may take seconds.
package struct SigningKeyService: Service {
  private let rings: @Sendable () -> [String: SessionKeyRing]
  private let keys: SigningKeyFiles
  private let logger: Logger

  /// - Parameters:
  ///   - rings: Says which files are needed, and who takes their keys; a new configuration may need others.
  ///   - keys: The files, as they were read at start.
  ///   - logger: The logger of changes.
  package init(
    keys: SigningKeyFiles, logger: Logger, rings: @escaping @Sendable () -> [String: SessionKeyRing]
  ) {
    self.rings = rings
    self.keys = keys
    self.logger = logger
  }

  /// Time between two looks. A kubelet renews a mounted secret within a minute or so.
  private static let interval = Duration.seconds(1)

  package func run() async throws {
    await cancelWhenGracefulShutdown {
      var files = keys
      while (try? await Task.sleep(for: Self.interval)) != nil {
        let rings = rings()
        if rings.isEmpty { continue }
        let before = files
        guard
          let looked = try? await NIOThreadPool.singleton.runIfActive({
            var files = before
            let looks = rings.map { ($0.key, files.look($0.key, $0.value)) }
            return (files, looks)
          })
        else { return }
        files = looked.0
        for (path, look) in looked.1 { note(path, look) }
      }
    }
  }

  private func note(_ path: String, _ look: SigningKeyFiles.Look) {
    switch look {
    case .unchanged: break
    case .problem(let problem): logger.warning("\(problem); the previous keys stay in use")
    case .replaced: logger.notice("\(keys.subject) get the new keys", metadata: ["file": "\(path)"])
    }
  }
}
