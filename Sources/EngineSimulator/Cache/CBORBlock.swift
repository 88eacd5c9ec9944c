/// Serialises blocks in canonical CBOR (RFC 8949, section 4.2).
enum CBORBlock {
  private static let unsigned: UInt8 = 0x00
  private static let byteString: UInt8 = 0x40
  private static let textString: UInt8 = 0x60
  private static let array: UInt8 = 0x80
  private static let null: UInt8 = 0xF6

  /// Appends a block: `[parent, [token, ...], null or [[key, ...], ...]]`.
  static func append(
    parent: [UInt8], tokens: ArraySlice<UInt32>, keys: [CacheNamespace.Key], to output: inout [UInt8]
  ) {
    append(array, UInt64(3), to: &output)
    append(byteString, UInt64(parent.count), to: &output)
    output += parent
    append(array, UInt64(tokens.count), to: &output)
    for token in tokens { append(unsigned, UInt64(token), to: &output) }
    if keys.isEmpty { return output.append(null) }
    append(array, UInt64(keys.count), to: &output)
    for key in keys {
      append(array, UInt64(key.hashed.count), to: &output)
      for part in key.hashed { append(text: part, to: &output) }
    }
  }

  /// Appends a text string.
  static func append(text: String, to output: inout [UInt8]) {
    append(textString, UInt64(text.utf8.count), to: &output)
    output += Array(text.utf8)
  }

  /// Appends the head of an item: its major type, and a number in the fewest bytes.
  private static func append(_ major: UInt8, _ number: UInt64, to output: inout [UInt8]) {
    let bytes: Int
    switch number {
    case 0..<24: return output.append(major | UInt8(number))
    case ..<0x100: bytes = 1
    case ..<0x1_0000: bytes = 2
    case ..<0x1_0000_0000: bytes = 4
    default: bytes = 8
    }
    output.append(major | UInt8(24 + bytes.trailingZeroBitCount))
    for index in (0..<bytes).reversed() { output.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))) }
  }
}
