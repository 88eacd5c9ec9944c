/// Reads single values from a serialised `google.protobuf.Struct` without decoding the rest.
///
/// protobuf-c would unpack nested values recursively without a bound. Here only the requested member is read, so that the depth
/// of other values does not matter. Lists within lists are not read.
struct StructReader {
  /// A value that is a string or a list of strings.
  enum Value: Equatable {
    case string(String)
    case strings([String])
  }

  /// Entries of a list at most; further entries are ignored. A pool has at most 1,024 endpoints.
  static let maximumListEntries = 4096

  private let bytes: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { self.bytes = bytes[...] }
  private init(_ bytes: ArraySlice<UInt8>) { self.bytes = bytes }

  /// Returns the value of a member that is a string or a list of strings; nil when the member is absent or has another type.
  func value(_ key: String) -> Value? {
    guard let member = member(key) else { return nil }
    var reader = FieldReader(member)
    var result: Value?
    while let field = reader.next() {
      switch (field.number, field.content) {
      case (3, .bytes(let text)): result = .string(String(decoding: text, as: UTF8.self))
      case (6, .bytes(let list)): result = .strings(Self.strings(list))
      default: break
      }
    }
    return result
  }

  /// Returns the serialised Value of a member; of several members with the key the last, as in a protobuf map.
  private func member(_ key: String) -> ArraySlice<UInt8>? {
    var result: ArraySlice<UInt8>?
    var reader = FieldReader(bytes)
    while let field = reader.next() {
      guard field.number == 1, case .bytes(let entry) = field.content else { continue }
      var entryReader = FieldReader(entry)
      var isWanted = false
      var value: ArraySlice<UInt8> = []
      while let part = entryReader.next() {
        guard case .bytes(let content) = part.content else { continue }
        if part.number == 1 { isWanted = content.elementsEqual(key.utf8) }
        if part.number == 2 { value = content }
      }
      if isWanted { result = value }
    }
    return result
  }

  private static func strings(_ list: ArraySlice<UInt8>) -> [String] {
    var result: [String] = []
    var reader = FieldReader(list)
    while let field = reader.next(), result.count < maximumListEntries {
      guard field.number == 1, case .bytes(let value) = field.content else { continue }
      var valueReader = FieldReader(value)
      while let part = valueReader.next() {
        if part.number == 3, case .bytes(let text) = part.content {
          result.append(String(decoding: text, as: UTF8.self))
        }
      }
    }
    return result
  }
}

/// Iterates over the fields of a serialised message; ends at the first malformed one.
struct FieldReader {
  /// The value of a field.
  enum Content {
    /// The bytes of a length-delimited field.
    case bytes(ArraySlice<UInt8>)
    /// A varint, or the bits of a field of fixed length.
    case number(UInt64)
  }

  private var rest: ArraySlice<UInt8>

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  /// Returns the next field; nil at the end, and at a malformed field.
  mutating func next() -> (number: UInt64, content: Content)? {
    guard let tag = varint() else { return nil }
    switch tag & 7 {
    case 0:
      guard let value = varint() else { return nil }
      return (tag >> 3, .number(value))
    case 1:
      return fixed(8).map { (tag >> 3, .number($0)) }
    case 2:
      guard let length = varint(), length <= UInt64(rest.count) else { return nil }
      let content = rest.prefix(Int(length))
      rest = rest.dropFirst(Int(length))
      return (tag >> 3, .bytes(content))
    case 5:
      return fixed(4).map { (tag >> 3, .number($0)) }
    default:
      return nil
    }
  }

  private mutating func varint() -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 64, let byte = rest.popFirst() {
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  private mutating func fixed(_ count: Int) -> UInt64? {
    guard rest.count >= count else { return nil }
    var value: UInt64 = 0
    for (index, byte) in rest.prefix(count).enumerated() { value |= UInt64(byte) << UInt64(8 * index) }
    rest = rest.dropFirst(count)
    return value
  }
}
