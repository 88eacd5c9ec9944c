import EPPCore

/// Computes chained 64-bit block keys: each mixes the previous key with the bytes of the next block.
///
/// The mixing step is `foldedProduct`, as in the wyhash family. Every word of a block is first combined with a secret word of
/// its own: against known words a client could make a factor zero, and so give equal keys to all blocks that differ in the
/// other factor.
package struct BlockHasher: Sendable {
  /// Derived from the seed: eight words for the words of a block, two for the chain.
  private let secrets: InlineArray<10, UInt64>
  /// Bytes that are mixed in at once: 16 token ids, or a quarter of a block of text.
  static let stepBytes = 64

  /// Derives the secret words from the seed.
  package init(seed: HashSeed) {
    secrets = InlineArray { position in
      let step = UInt64(position + 1)
      let first = SplitMix64.spread(seed.first &+ step &* 0x9E37_79B9_7F4A_7C15)
      let second = SplitMix64.spread(seed.second &+ step &* 0xD1B5_4A32_D192_ED03)
      return first ^ (second << 32 | second >> 32)
    }
  }

  /// The key of the 64 bytes at `offset`, after a prefix with the key `previous`.
  ///
  /// The block's own part does not depend on the previous key, so blocks overlap in the processor and only one product a block
  /// is sequential: about 5 ns a block.
  @inline(__always)
  func key(after previous: BlockKey, _ bytes: RawSpan, at offset: Int) -> BlockKey {
    @inline(__always) func pair(_ index: Int) -> UInt64 {
      let left = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset + 8 * index, as: UInt64.self).littleEndian
      let right = unsafe bytes.unsafeLoadUnaligned(fromByteOffset: offset + 8 * index + 8, as: UInt64.self).littleEndian
      return foldedProduct(left ^ secrets[index], right ^ secrets[index + 1])
    }
    let block = (pair(0) ^ pair(2)) &+ (pair(4) ^ pair(6))
    return BlockKey(rawValue: foldedProduct(previous.rawValue ^ secrets[8], block ^ secrets[9]))
  }

  /// The key of a block of `width` bytes, any number of them: each 64 bytes are mixed in as a block of that size.
  @inline(__always)
  func key(after previous: BlockKey, _ bytes: RawSpan, at offset: Int, width: Int) -> BlockKey {
    if width == 64 { return key(after: previous, bytes, at: offset) }
    var key = previous
    var done = 0
    while done + 64 <= width {
      key = self.key(after: key, bytes, at: offset + done)
      done += 64
    }
    return done == width ? key : self.key(afterWhole: key, bytes, at: offset + done, count: width - done)
  }

  /// The key after the last, incomplete 64 bytes of a block; includes their number.
  private func key(afterWhole key: BlockKey, _ bytes: RawSpan, at offset: Int, count: Int) -> BlockKey {
    var rest = InlineArray<64, UInt8>(repeating: 0)
    for position in 0..<count {
      rest[position] = unsafe bytes.unsafeLoad(fromByteOffset: offset + position, as: UInt8.self)
    }
    let last = unsafe self.key(after: key, rest.span.bytes, at: 0)
    return BlockKey(rawValue: foldedProduct(last.rawValue ^ secrets[7], UInt64(count) ^ secrets[6]))
  }

  /// The key to which the first block of a text is chained. Requests that differ in model or salt share no keys.
  func root(model: String, cacheSalt: String?) -> BlockKey {
    var key = foldedProduct(secrets[1], secrets[2] ^ 64)
    absorb(model, into: &key)
    if let cacheSalt { absorb(cacheSalt, into: &key) }
    return BlockKey(rawValue: key)
  }

  /// The key to which the first block of token ids is chained.
  func root(_ root: BlockRoot) -> BlockKey {
    var key = foldedProduct(secrets[0], secrets[2] ^ UInt64(root.blockTokens))
    absorb(root.loRAName ?? "", into: &key)
    if let cacheSalt = root.cacheSalt { absorb(cacheSalt, into: &key) }
    return BlockKey(rawValue: key)
  }

  /// The key of a block with extra keys.
  func key(_ key: BlockKey, with extras: [ExtraKey]) -> BlockKey {
    var value = key.rawValue
    for extra in extras {
      switch extra {
      case .text(let text):
        absorb(text, into: &value)
      case .item(let identifier, let offset):
        absorb(identifier, into: &value)
        value = foldedProduct(value ^ secrets[3], UInt64(bitPattern: Int64(offset)) ^ secrets[2])
      case .bytes(let bytes):
        for byte in bytes { value = foldedProduct(value ^ secrets[4], UInt64(byte) ^ secrets[1]) }
      }
    }
    return BlockKey(rawValue: value)
  }

  private func absorb(_ text: String, into key: inout UInt64) {
    var word: UInt64 = 0
    var count: UInt64 = 0
    for byte in text.utf8 {
      word = word << 8 | UInt64(byte)
      count += 1
      if count % 8 == 0 {
        key = foldedProduct(key ^ secrets[3], word ^ secrets[4])
        word = 0
      }
    }
    key = foldedProduct(key ^ secrets[5], word ^ secrets[6])
    // The length keeps "ab" and "c" apart from "a" and "bc".
    key = foldedProduct(key ^ secrets[7], count ^ secrets[8])
  }
}
