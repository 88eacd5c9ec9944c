import Crypto
package import EPPCore
import Synchronization

/// The keys of one file, with which session tokens are signed and checked. Any thread may use it.
///
/// Has no keys until somebody who reads the file calls `replace`: until then no tokens are made, and all are ignored.
package final class SessionKeyRing: Sendable {
  private struct State {
    var keys: [SessionSigningKey] = []
    /// Seconds since 1970 at the start of the monotonic clock.
    var epoch: Int64 = 0
  }

  private let state = Mutex(State())

  /// A ring without keys.
  package init() {}

  /// Takes new keys in place of all earlier ones. The first signs, all check.
  package func replace(with keys: [SessionSigningKey]) { state.withLock { $0.keys = keys } }

  /// Sets the time of day, which replicas share. To be called again from time to time, because the clock of the day may be set.
  ///
  /// - Parameters:
  ///   - unixTime: seconds since 1970.
  ///   - now: the same moment on the monotonic clock.
  package func setTime(_ unixTime: Int64, at now: MonotonicTime) {
    state.withLock { $0.epoch = unixTime - Int64(now.nanoseconds / 1_000_000_000) }
  }

  private func unixTime(_ epoch: Int64, _ now: MonotonicTime) -> Int64 {
    epoch + Int64(now.nanoseconds / 1_000_000_000)
  }

  /// The token of an endpoint that counts for a time from now on; nil without a key.
  ///
  /// - Parameter destination: the endpoint's address.
  package func token(for destination: String, timeToLive: Duration, now: MonotonicTime) -> String? {
    let (key, epoch) = state.withLock { ($0.keys.first, $0.epoch) }
    return key.map {
      SignedToken(key: $0, expiry: unixTime(epoch, now) + timeToLive.components.seconds, destination: destination).text
    }
  }

  /// Reads a token, and checks its signature and its time.
  package func read(_ text: some StringProtocol, now: MonotonicTime) throws(SessionTokenProblem) -> SignedToken {
    let (keys, epoch) = state.withLock { ($0.keys, $0.epoch) }
    let token = try SignedToken(text, keys: keys)
    guard token.expiry > unixTime(epoch, now) else { throw .expired }
    return token
  }
}

/// A key of session tokens.
package struct SessionSigningKey: Sendable {
  /// Names the key in tokens: the first bytes of HMAC-SHA256 of a label.
  let id: [UInt8]
  /// The digests of addresses in tokens, so that clients do not learn addresses from them.
  let addresses: TextDigest
  private let secret: SymmetricKey

  /// Bytes of `id`.
  static let idBytes = 4
  /// The least number of bytes in a line of a key file.
  package static let leastBytes = 32
  /// The largest number of keys in a file.
  package static let mostKeys = 16

  /// A key of the given bytes.
  package init(_ bytes: some Collection<UInt8>) {
    secret = SymmetricKey(data: Array(bytes))
    id = Array(
      HMAC<SHA256>.authenticationCode(for: Array("warmpath session key id".utf8), using: secret).prefix(Self.idBytes))
    let words = Array(HMAC<SHA256>.authenticationCode(for: Array("warmpath session addresses".utf8), using: secret))
    addresses = TextDigest(first: Self.word(words[0..<8]), second: Self.word(words[8..<16]))
  }

  /// Reads the text of a key file: a key per line, of at least 32 bytes, for instance of `openssl rand -base64 32`. Lines that are
  /// empty or begin with `#` are skipped.
  package static func keys(in text: String) throws(SessionKeyProblem) -> [SessionSigningKey] {
    var keys: [SessionSigningKey] = []
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let key = line.trimmed
      if key.isEmpty || key.hasPrefix("#") { continue }
      guard key.utf8.count >= leastBytes else { throw .tooShort(line: number + 1) }
      guard keys.count < mostKeys else { throw .tooMany }
      keys.append(SessionSigningKey(Array(key.utf8)))
    }
    if keys.isEmpty { throw .none }
    return keys
  }

  /// The signature of a token.
  func signature(of content: some Sequence<UInt8>) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Array(content), using: secret))
  }

  /// Whether a signature is that of a token; takes the same time for all wrong ones.
  func isValid(_ signature: [UInt8], of content: [UInt8]) -> Bool {
    HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: content, using: secret)
  }

  private static func word(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}

/// Why the text of a key file cannot be used.
package enum SessionKeyProblem: Error, Equatable, CustomStringConvertible {
  case none
  case tooShort(line: Int)
  case tooMany

  package var description: String {
    switch self {
    case .none: "it holds no key: put one into each line, such as 'openssl rand -base64 32' makes"
    case .tooShort(let line):
      "the key in line \(line) has fewer than \(SessionSigningKey.leastBytes) characters: 'openssl rand -base64 32' makes one"
    case .tooMany: "it holds more than \(SessionSigningKey.mostKeys) keys: remove those that no longer sign"
    }
  }
}

/// A token that names an endpoint by a keyed digest of its address, and that only those who have the key can make.
///
/// Base64 for URLs without padding of: a byte 1 (the version), 4 bytes that name the key, 8 bytes of the time after which it does not
/// count (seconds since 1970, big-endian), 8 bytes of digest of the address, and HMAC-SHA256 of these 21 bytes.
package struct SignedToken: Sendable {
  private static let version: UInt8 = 1
  private static let contentBytes = 1 + SessionSigningKey.idBytes + 8 + 8
  private static let bytes = contentBytes + SHA256.byteCount

  /// When it ends, in seconds since 1970.
  package let expiry: Int64
  private let key: SessionSigningKey
  private let digest: UInt64

  /// A token of an address.
  init(key: SessionSigningKey, expiry: Int64, destination: String) {
    self.key = key
    self.expiry = expiry
    digest = key.addresses.digest(destination)
  }

  /// Reads a token, and checks its signature.
  init(_ text: some StringProtocol, keys: [SessionSigningKey]) throws(SessionTokenProblem) {
    // Longer than any token: not worth decoding.
    guard text.utf8.count <= 2 * Self.bytes, let bytes = Base64.bytes(text, .url), bytes.count == Self.bytes,
      bytes[0] == Self.version
    else { throw .malformed }
    let id = bytes[1..<1 + SessionSigningKey.idBytes]
    guard let key = keys.first(where: { $0.id.elementsEqual(id) }) else { throw .foreign }
    let content = Array(bytes[..<Self.contentBytes])
    guard key.isValid(Array(bytes[Self.contentBytes...]), of: content) else { throw .forged }
    self.key = key
    expiry = Int64(bitPattern: Self.word(content[5..<13]))
    digest = Self.word(content[13..<21])
  }

  /// Whether it names the endpoint with an address.
  package func names(_ destination: String) -> Bool { key.addresses.digest(destination) == digest }

  /// The token as it is sent.
  package var text: String {
    var content = [Self.version] + key.id
    for word in [UInt64(bitPattern: expiry), digest] {
      for shift in stride(from: 56, through: 0, by: -8) {
        content.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
      }
    }
    return Base64.text(content + key.signature(of: content), .url)
  }

  private static func word(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}
