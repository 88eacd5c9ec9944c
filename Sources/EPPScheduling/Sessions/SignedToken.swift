import Crypto

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
