/// The ordinary tokens: the 256 bytes, and the tokens merged from them.
struct TokenVocabulary: Sendable {
  /// The concatenated bytes of all tokens.
  private var storage: [UInt8] = []
  /// The end of each token's bytes in `storage`.
  private var ends: [Int] = []
  private var pairs: PairTable
  /// A hash table of tokens by their bytes; `UInt32.max` in empty slots.
  private var whole: [UInt32]
  private var longest = 1

  /// Reads merge rules.
  ///
  /// - Parameter merges: Pairs of tokens in `ByteAlphabet`, with a space or a line feed after each token, the earliest rule
  ///   first. A pair of which a token is neither a byte nor merged by an earlier rule is left out.
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

  /// Number of tokens. Ids are 0..<count.
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

  /// Returns the bytes of a token; empty for an unknown id.
  func bytes(of token: UInt32) -> ArraySlice<UInt8> {
    guard token < ends.count else { return [] }
    return storage[(token == 0 ? 0 : ends[Int(token) - 1])..<ends[Int(token)]]
  }

  /// Returns the token whose bytes equal a range of a text; nil when there is none.
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

  /// Returns the merged token of a pair; nil when the pair is not merged. A token with a smaller id is merged earlier.
  @inline(__always)
  func joined(_ left: UInt32, _ right: UInt32) -> UInt32? { pairs.joined(left, right) }
}
