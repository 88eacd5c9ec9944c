/// The tokens that text is made of: 256 bytes, and what training joined from them.
struct TokenVocabulary: Sendable {
  /// The bytes of all tokens, one after the other.
  private var storage: [UInt8] = []
  /// Where each token's bytes end.
  private var ends: [Int] = []
  private var pairs: PairTable
  /// Tokens by the hash of their bytes; `UInt32.max` in empty places.
  private var whole: [UInt32]
  private var longest = 1

  /// - Parameter merges: pairs of tokens, a space or an end of line after each token, in the form of `ByteAlphabet`; both
  ///   tokens of a pair are bytes or were joined before it. A pair that is not so is left out.
  init(merges: String) {
    let words = merges.unicodeScalars.split { $0 == " " || $0 == "\n" }
    let count = words.count / 2
    pairs = PairTable(capacity: count)
    whole = Array(repeating: .max, count: 16)
    while whole.count < 4 * (count + 0x100) { whole += whole }
    for byte in UInt8.min...UInt8.max { append([byte]) }
    for index in 0..<count {
      let left = words[2 * index].compactMap { ByteAlphabet.bytes[$0] }
      let right = words[2 * index + 1].compactMap { ByteAlphabet.bytes[$0] }
      guard let first = token(of: left, 0..<left.count), let second = token(of: right, 0..<right.count) else {
        continue
      }
      pairs.insert(first, second, joined: UInt32(ends.count))
      append(left + right)
    }
  }

  /// How many tokens there are; ids are the numbers below.
  var count: Int { ends.count }

  private mutating func append(_ bytes: [UInt8]) {
    let token = UInt32(ends.count)
    storage += bytes
    ends.append(storage.count)
    longest = max(longest, bytes.count)
    var slot = Self.hash(bytes, 0..<bytes.count) & (whole.count - 1)
    while whole[slot] != .max { slot = (slot + 1) & (whole.count - 1) }
    whole[slot] = token
  }

  private static func hash(_ text: [UInt8], _ range: Range<Int>) -> Int {
    var hash: UInt32 = 0x811C_9DC5
    for offset in range { hash = (hash ^ UInt32(text[offset])) &* 0x0100_0193 }
    return Int(hash ^ hash >> 15)
  }

  /// The bytes of a token; empty for an id that there is not.
  func bytes(of token: UInt32) -> ArraySlice<UInt8> {
    guard token < ends.count else { return [] }
    return storage[(token == 0 ? 0 : ends[Int(token) - 1])..<ends[Int(token)]]
  }

  /// The token that has just these bytes.
  func token(of text: [UInt8], _ range: Range<Int>) -> UInt32? {
    guard range.count <= longest, !range.isEmpty else { return nil }
    var slot = Self.hash(text, range) & (whole.count - 1)
    while whole[slot] != .max {
      if equals(whole[slot], text, range) { return whole[slot] }
      slot = (slot + 1) & (whole.count - 1)
    }
    return nil
  }

  private func equals(_ token: UInt32, _ text: [UInt8], _ range: Range<Int>) -> Bool {
    let start = token == 0 ? 0 : ends[Int(token) - 1]
    guard ends[Int(token)] - start == range.count else { return false }
    for index in 0..<range.count where storage[start + index] != text[range.lowerBound + index] { return false }
    return true
  }

  /// The token that two neighbours are joined to. Of two such tokens the one with the smaller id is joined first.
  @inline(__always)
  func joined(_ left: UInt32, _ right: UInt32) -> UInt32? { pairs.joined(left, right) }
}
