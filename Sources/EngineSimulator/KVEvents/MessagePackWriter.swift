/// Writes MessagePack, with every value in its shortest form.
struct MessagePackWriter: Sendable {
  /// The bytes written so far.
  private(set) var bytes: [UInt8] = []

  /// Writes nil.
  mutating func writeNil() { bytes.append(0xC0) }

  /// Writes an integer.
  mutating func write(_ number: UInt64) {
    switch number {
    case 0..<0x80: bytes.append(UInt8(number))
    case ..<0x100: write(head: 0xCC, number, count: 1)
    case ..<0x1_0000: write(head: 0xCD, number, count: 2)
    case ..<0x1_0000_0000: write(head: 0xCE, number, count: 4)
    default: write(head: 0xCF, number, count: 8)
    }
  }

  /// Writes a 64-bit floating-point number.
  mutating func write(_ number: Double) { write(head: 0xCB, number.bitPattern, count: 8) }

  /// Writes a text.
  mutating func write(_ text: String) {
    let count = UInt64(text.utf8.count)
    switch count {
    case 0..<32: bytes.append(0xA0 | UInt8(count))
    case ..<0x100: write(head: 0xD9, count, count: 1)
    case ..<0x1_0000: write(head: 0xDA, count, count: 2)
    default: write(head: 0xDB, count, count: 4)
    }
    bytes += Array(text.utf8)
  }

  /// Writes a text or nil.
  mutating func write(_ text: String?) {
    if let text { write(text) } else { writeNil() }
  }

  /// Writes binary data of at most 255 bytes.
  mutating func write(data: [UInt8]) {
    write(head: 0xC4, UInt64(data.count), count: 1)
    bytes += data
  }

  /// Writes the head of an array. The caller writes its elements.
  mutating func beginArray(_ count: Int) {
    switch count {
    case 0..<16: bytes.append(0x90 | UInt8(count))
    case ..<0x1_0000: write(head: 0xDC, UInt64(count), count: 2)
    default: write(head: 0xDD, UInt64(count), count: 4)
    }
  }

  /// Writes the head of a map of fewer than 16 members. The caller writes each key and its value.
  mutating func beginMap(_ count: Int) { bytes.append(0x80 | UInt8(count)) }

  private mutating func write(head: UInt8, _ number: UInt64, count: Int) {
    bytes.append(head)
    for index in (0..<count).reversed() { bytes.append(UInt8(truncatingIfNeeded: number >> (8 * UInt64(index)))) }
  }
}
