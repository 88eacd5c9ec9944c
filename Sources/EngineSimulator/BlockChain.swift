/// A sequence of tokens as the prefix cache sees it: the hash of every full block, and the bytes of the last one.
///
/// A token is 4 bytes of text, counted from the start of the sequence; a block is 16 tokens. A block's hash covers
/// everything before it, so that equal hashes mean equal prefixes.
package struct BlockChain: Sendable {
  /// Hashes of the full blocks, first block first.
  package private(set) var hashes: [UInt64] = []
  /// Bytes that do not fill a block yet.
  private var tail: [UInt8] = []
  private var last: UInt64

  private static let blockBytes = EngineOptions.blockTokens * EngineOptions.tokenBytes

  /// An empty sequence. Sequences with another adapter or another salt have nothing in common.
  package init(adapter: String? = nil, salt: String? = nil) {
    last = BlockHash.offset
    for part in [adapter, salt] {
      for byte in (part ?? "").utf8 { BlockHash.mix(UInt64(byte), into: &last) }
      // No byte has this value: it keeps adapter "a" with salt "b" apart from adapter "ab" without one.
      BlockHash.mix(part == nil ? 0x100 : 0x101, into: &last)
    }
  }

  /// Tokens so far; the last one may have fewer than 4 bytes.
  package var tokens: Int {
    hashes.count * EngineOptions.blockTokens + (tail.count + EngineOptions.tokenBytes - 1) / EngineOptions.tokenBytes
  }

  /// Adds text to the end.
  package mutating func append(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      tail.append(byte)
      if tail.count == Self.blockBytes { closeBlock() }
    }
  }

  private mutating func closeBlock() {
    var start = 0
    while start < tail.count {
      var token: UInt64 = 0
      for byte in tail[start..<start + EngineOptions.tokenBytes] { token = token << 8 | UInt64(byte) }
      BlockHash.mix(token, into: &last)
      start += EngineOptions.tokenBytes
    }
    hashes.append(last)
    tail.removeAll(keepingCapacity: true)
  }

  /// A number that depends on the whole sequence.
  package var digest: UInt64 {
    var digest = last
    for byte in tail { BlockHash.mix(UInt64(byte), into: &digest) }
    return digest
  }
}

/// FNV-1a over words in place of bytes, with the high half folded down after each word.
package enum BlockHash {
  /// FNV's 64-bit offset basis.
  package static let offset: UInt64 = 0xCBF2_9CE4_8422_2325
  /// FNV's 64-bit prime.
  private static let prime: UInt64 = 0x0000_0100_0000_01B3

  /// Takes one word into a hash. For a given word it is a bijection of the hash.
  package static func mix(_ word: UInt64, into hash: inout UInt64) {
    hash = (hash ^ word) &* prime
    hash ^= hash >> 32
  }
}
