import EPPConfiguration
import EPPDataLayer
import EPPGRPCServer
import EPPPrefixCache
import EPPProcess
import Glibc

/// The secret of block keys, in a file of 32 hexadecimal digits.
enum HashSecret {
  /// Returns the secret of `--hash-secret-file`, else of the file beside the index snapshot, else a new random one. Makes the
  /// file when it does not exist.
  ///
  /// - Throws: `ServerError` when the file cannot be read or made.
  static func seed(_ settings: CacheSettings) throws(ServerError) -> HashSeed {
    let place: Place
    if let path = settings.hashSecretFile {
      place = Place(path: path, name: "--hash-secret-file \(path)")
    } else if let snapshot = settings.snapshotFile {
      let path = snapshot + ".secret"
      place = Place(path: path, name: "--index-snapshot \(snapshot): the secret beside it, \(path)")
    } else {
      return .random()
    }
    if let seed = try read(place) { return seed }
    return try make(place)
  }

  /// A file with its name in messages, which includes the flag that names it.
  private struct Place {
    var path: String
    var name: String
  }

  /// Reads the secret; nil when the file does not exist.
  private static func read(_ place: Place) throws(ServerError) -> HashSeed? {
    let path = place.path
    let text: String
    do throws(FileProblem) { text = try TextFile.read(path) } catch {
      if error.isAbsence { return nil }
      throw ServerError("\(place.name): \(error)")
    }
    let digits = text.prefix { !$0.isNewline }
    guard digits.utf8.count == 32, let first = UInt64(digits.prefix(16), radix: 16),
      let second = UInt64(digits.suffix(16), radix: 16)
    else {
      throw ServerError(
        "\(place.name): it has to hold 32 hexadecimal digits, such as 'openssl rand -hex 16' makes")
    }
    return HashSeed(first: first, second: second)
  }

  private static func make(_ place: Place) throws(ServerError) -> HashSeed {
    let path = place.path
    let seed = HashSeed.random()
    func digits(_ value: UInt64) -> String {
      let text = String(value, radix: 16)
      return String(repeating: "0", count: 16 - text.count) + text
    }
    let text = Array((digits(seed.first) + digits(seed.second) + "\n").utf8)
    // Under another name until it is whole. Nobody else may read it: who knows the secret can make prompts whose keys collide.
    let temporary = "\(path).\(getpid()).new"
    let file = unsafe open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure(place) }
    defer {
      close(file)
      _ = unsafe unlink(temporary)
    }
    // Replicas that start together take the one that was first: a link takes nobody's place.
    guard unsafe write(file, text, text.count) == text.count, fsync(file) == 0,
      unsafe link(temporary, path) == 0 || errno == EEXIST, let made = try read(place)
    else { throw failure(place) }
    return made
  }

  /// The operating system's message for the call that has just failed.
  private static var reason: String { unsafe String(cString: strerror(errno)) }

  private static func failure(_ place: Place) -> ServerError {
    ServerError("\(place.name): it cannot be made: \(reason)")
  }
}
