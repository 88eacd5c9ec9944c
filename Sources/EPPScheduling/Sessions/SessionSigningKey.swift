import Crypto
import EPPCore

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
