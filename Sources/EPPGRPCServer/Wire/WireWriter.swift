/// Writes protobuf wire format into an array whose storage is reused.
struct WireWriter {
  /// The bytes written so far.
  private(set) var bytes: [UInt8] = []

  init() { bytes.reserveCapacity(512) }

  /// Removes all bytes and keeps their storage.
  mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  /// Writes a varint without a tag.
  mutating func varint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: value))
  }

  /// Writes a varint field; zero, the default of proto3, is left out.
  mutating func field(_ number: UInt64, _ value: UInt64) {
    guard value != 0 else { return }
    varint(number << 3)
    varint(value)
  }

  /// Writes a Boolean field; false, the default of proto3, is left out.
  mutating func field(_ number: UInt64, _ value: Bool) { field(number, UInt64(value ? 1 : 0)) }

  /// Writes a string field, also when it is empty.
  mutating func field(_ number: UInt64, _ text: String) {
    varint(number << 3 | 2)
    var text = text
    text.withUTF8 { utf8 in
      varint(UInt64(utf8.count))
      unsafe bytes.append(contentsOf: utf8)
    }
  }

  /// Writes a bytes field or a serialised message, also when it is empty.
  mutating func field(_ number: UInt64, _ content: [UInt8]) {
    varint(number << 3 | 2)
    varint(UInt64(content.count))
    bytes.append(contentsOf: content)
  }

  /// Writes a double field, also when it is zero.
  mutating func field(_ number: UInt64, _ value: Double) {
    varint(number << 3 | 1)
    let bits = value.bitPattern
    for index in UInt64(0)..<8 { bytes.append(UInt8(truncatingIfNeeded: bits >> (8 * index))) }
  }

  /// Writes a nested message. One byte is reserved for its length, which is nearly always enough; a longer length moves the
  /// content.
  mutating func message(_ number: UInt64, _ content: (inout WireWriter) -> Void) {
    varint(number << 3 | 2)
    let start = bytes.count
    bytes.append(0)
    content(&self)
    var length = UInt64(bytes.count - start - 1)
    if length < 0x80 {
      bytes[start] = UInt8(length)
      return
    }
    var prefix: [UInt8] = []
    while length >= 0x80 {
      prefix.append(UInt8(truncatingIfNeeded: length) | 0x80)
      length >>= 7
    }
    prefix.append(UInt8(truncatingIfNeeded: length))
    bytes.replaceSubrange(start...start, with: prefix)
  }
}
