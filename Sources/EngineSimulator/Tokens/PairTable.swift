/// The merged token of each pair of tokens: a hash table with open addressing.
struct PairTable: Sendable {
  private var keys: [UInt64]
  private var values: [UInt32]
  private let mask: Int

  /// The key of an empty slot. It is no pair, because token ids are below 2^32 - 1.
  private static let empty = UInt64.max

  /// Makes an empty table.
  ///
  /// - Parameter capacity: Pairs at most.
  init(capacity: Int) {
    var slots = 16
    while slots < 2 * capacity { slots *= 2 }
    keys = Array(repeating: Self.empty, count: slots)
    values = Array(repeating: 0, count: slots)
    mask = slots - 1
  }

  /// Adds a pair, which must not be in the table.
  mutating func insert(_ left: UInt32, _ right: UInt32, joined: UInt32) {
    let key = Self.key(left, right)
    var slot = slot(of: key)
    while keys[slot] != Self.empty { slot = (slot + 1) & mask }
    keys[slot] = key
    values[slot] = joined
  }

  /// Returns the merged token of a pair; nil when the pair is not merged.
  @inline(__always)
  func joined(_ left: UInt32, _ right: UInt32) -> UInt32? {
    let key = Self.key(left, right)
    var slot = slot(of: key)
    while true {
      let found = keys[slot]
      if found == key { return values[slot] }
      if found == Self.empty { return nil }
      slot = (slot + 1) & mask
    }
  }

  @inline(__always)
  private static func key(_ left: UInt32, _ right: UInt32) -> UInt64 { UInt64(left) << 32 | UInt64(right) }

  @inline(__always)
  private func slot(of key: UInt64) -> Int {
    // Fibonacci hashing: the product's high bits depend on all bits of the key.
    Int(truncatingIfNeeded: (key &* 0x9E37_79B9_7F4A_7C15) >> 32) & mask
  }
}
