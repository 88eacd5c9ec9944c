import EPPCore
import EPPDataLayer
import EPPGRPCServer
import EPPProcess
import EPPScheduling
import Glibc
import Logging
import NIOPosix
import ServiceLifecycle

/// Reads the files with the keys of session tokens. Blocks the thread.
struct SessionKeyFiles: Sendable {
  /// What a look at a file has shown.
  enum Look: Equatable {
    case unchanged
    /// The ring has new keys.
    case replaced
    /// The file cannot be used, and the ring has the keys that it had.
    case problem(String)
  }

  /// By path: the text that was read last, or what was wrong.
  private var seen: [String: Result<String, Problem>] = [:]

  private struct Problem: Error, Equatable {
    var message: String
  }

  /// Reads all files.
  ///
  /// - Throws: `ServerError` when a file cannot be used.
  mutating func readAll(_ rings: [String: SessionKeyRing]) throws(ServerError) {
    for (path, ring) in rings {
      if case .problem(let message) = look(path, ring) { throw ServerError(message) }
    }
  }

  /// Reads a file, and gives its keys to the ring when they have changed.
  mutating func look(_ path: String, _ ring: SessionKeyRing) -> Look {
    ring.setTime(Int64(time(nil)), at: .now())
    do throws(Problem) {
      let text = try Self.read(path)
      if case .success(text)? = seen[path] { return .unchanged }
      do throws(SessionKeyProblem) { ring.replace(with: try SessionSigningKey.keys(in: text)) } catch {
        throw Problem(message: "the keyFile \(path) of session tokens cannot be used: \(error)")
      }
      seen[path] = .success(text)
      return .replaced
    } catch {
      if case .failure(error)? = seen[path] { return .unchanged }
      seen[path] = .failure(error)
      return .problem(error.message)
    }
  }

  private static func read(_ path: String) throws(Problem) -> String {
    do throws(FileProblem) { return try TextFile.read(path) } catch {
      throw Problem(message: "the keyFile \(path) of session tokens cannot be read: \(error)")
    }
  }
}

/// Takes new keys of session tokens when their files change. The files are read on a thread of their own: a network file system may
/// take seconds.
struct SessionKeyService: Service {
  /// Says which files are needed; a new configuration may need others.
  let sessions: SessionServices
  /// The files, as they were read at start.
  let keys: SessionKeyFiles
  /// The logger of changes.
  let logger: Logger

  /// Time between two looks. A kubelet renews a mounted secret within a minute or so.
  private static let interval = Duration.seconds(1)

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var files = keys
      while (try? await Task.sleep(for: Self.interval)) != nil {
        let rings = sessions.keyRings
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

  private func note(_ path: String, _ look: SessionKeyFiles.Look) {
    switch look {
    case .unchanged: break
    case .problem(let problem): logger.warning("\(problem); the previous keys stay in use")
    case .replaced: logger.notice("session tokens get the new keys", metadata: ["file": "\(path)"])
    }
  }
}
