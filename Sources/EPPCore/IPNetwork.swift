/// The IP addresses that begin with the same bits, written `10.0.0.0/8` or `fc00::/7`; an address alone is a network of one.
package struct IPNetwork: Hashable, Sendable {
  /// Its first address.
  package let first: IPAddress
  /// The number of bits that all its addresses share.
  package let bits: Int

  /// Reads an address with the number of bits, in decimal digits; nil for another text, and where bits beyond that number are set,
  /// since it is not clear then what was meant.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = IPAddress(String(parts[0])) else { return nil }
    first = address
    guard parts.count == 2 else {
      bits = address.bytes.count * 8
      return
    }
    let digits = parts[1]
    guard (1...3).contains(digits.utf8.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let bits = Int(digits), bits <= address.bytes.count * 8
    else { return nil }
    self.bits = bits
    for (index, byte) in address.bytes.enumerated() where byte & ~Self.mask(index, bits) != 0 { return nil }
  }

  /// Whether an address is in the network.
  package func contains(_ address: IPAddress) -> Bool {
    guard address.bytes.count == first.bytes.count else { return false }
    return address.bytes.indices.allSatisfy { (address.bytes[$0] ^ first.bytes[$0]) & Self.mask($0, bits) == 0 }
  }

  /// The bits of a byte that belong to the first `bits` of an address.
  private static func mask(_ index: Int, _ bits: Int) -> UInt8 {
    let count = min(8, max(0, bits - index * 8))
    return count == 0 ? 0 : UInt8(truncatingIfNeeded: 0xFF << (8 - count))
  }
}
