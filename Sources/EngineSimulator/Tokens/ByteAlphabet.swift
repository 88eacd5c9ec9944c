/// The alphabet in which vocabularies of byte-level BPE are written: a byte that is a visible character of Latin-1 stands for
/// itself, any other byte is a character from U+0100 on. A space is `Ġ`, a line feed `Ċ`.
enum ByteAlphabet {
  /// The character of every byte.
  static let scalars: [Unicode.Scalar] = {
    var hidden: UInt32 = 0x100
    return (UInt32(0)..<0x100).map { byte in
      let isVisible = (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
      if isVisible { return Unicode.Scalar(UInt8(byte)) }
      defer { hidden += 1 }
      return Unicode.Scalar(hidden) ?? " "
    }
  }()

  /// The byte of every character of the alphabet.
  static let bytes: [Unicode.Scalar: UInt8] = {
    var bytes: [Unicode.Scalar: UInt8] = [:]
    for (byte, scalar) in scalars.enumerated() { bytes[scalar] = UInt8(byte) }
    return bytes
  }()

  /// Returns bytes in the alphabet.
  static func text(of bytes: some Sequence<UInt8>) -> String {
    var text = ""
    for byte in bytes { text.unicodeScalars.append(scalars[Int(byte)]) }
    return text
  }
}
