/// The forms of canonical CBOR (RFC 8949 section 4.2) that go into a block's hash.
enum CBOR {
  private enum Major {
    static let unsigned: UInt8 = 0x00
    static let bytes: UInt8 = 0x40
    static let text: UInt8 = 0x60
    static let array: UInt8 = 0x80
  }

  private static let null: UInt8 = 0xF6

  /// Appends `[parent, [token, ...], null]`, or with a salt `[parent, [token, ...], [["cache_salt", salt]]]`.
  static func appendBlock(
    _ parent: [UInt8], _ tokens: some RandomAccessCollection<UInt32>, _ cacheSalt: String?, to output: inout [UInt8]
  ) {
    append(head: Major.array, 3, to: &output)
    append(head: Major.bytes, parent.count, to: &output)
    output += parent
    append(head: Major.array, tokens.count, to: &output)
    for token in tokens { append(head: Major.unsigned, Int(token), to: &output) }
    guard let cacheSalt else {
      output.append(null)
      return
    }
    append(head: Major.array, 1, to: &output)
    append(head: Major.array, 2, to: &output)
    append(text: "cache_salt", to: &output)
    append(text: cacheSalt, to: &output)
  }

  /// Appends a text string.
  static func append(text: String, to output: inout [UInt8]) {
    append(head: Major.text, text.utf8.count, to: &output)
    output += Array(text.utf8)
  }

  /// Appends a major type with its argument in the fewest bytes.
  private static func append(head major: UInt8, _ value: Int, to output: inout [UInt8]) {
    switch value {
    case 0..<24: output.append(major | UInt8(value))
    case 24..<0x100: output += [major | 24, UInt8(value)]
    case 0x100..<0x1_0000: output += [major | 25, UInt8(value >> 8), UInt8(truncatingIfNeeded: value)]
    default:
      output.append(major | 26)
      for shift in [24, 16, 8, 0] { output.append(UInt8(truncatingIfNeeded: value >> shift)) }
    }
  }
}
