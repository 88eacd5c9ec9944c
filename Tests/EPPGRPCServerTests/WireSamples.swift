/// Writes `ProcessingRequest` messages by hand, independently of the code under test.
enum WireSamples {
  static func varint(_ value: UInt64) -> [UInt8] {
    var value = value
    var bytes: [UInt8] = []
    repeat {
      let byte = UInt8(value & 0x7F)
      value >>= 7
      bytes.append(value == 0 ? byte : byte | 0x80)
    } while value != 0
    return bytes
  }

  static func message(_ field: UInt64, _ content: [UInt8]) -> [UInt8] {
    varint(field << 3 | 2) + varint(UInt64(content.count)) + content
  }

  static func number(_ field: UInt64, _ value: UInt64) -> [UInt8] { varint(field << 3) + varint(value) }

  static func header(_ name: String, _ value: String, raw: Bool = true) -> [UInt8] {
    message(1, message(1, Array(name.utf8)) + message(raw ? 3 : 2, Array(value.utf8)))
  }

  /// ProcessingRequest.request_headers = 2 or response_headers = 3.
  static func headers(_ field: UInt64, _ headers: [(String, String)], endOfStream: Bool = false) -> [UInt8] {
    let map = headers.flatMap { header($0.0, $0.1) }
    return message(field, message(1, map) + (endOfStream ? number(3, 1) : []))
  }

  /// ProcessingRequest.request_body = 4 or response_body = 5.
  static func body(_ field: UInt64, _ bytes: [UInt8], endOfStream: Bool = false) -> [UInt8] {
    message(field, message(1, bytes) + (endOfStream ? number(2, 1) : []))
  }

  /// metadata_context = 8 with one namespace.
  static func metadata(_ namespace: String, _ structBytes: [UInt8]) -> [UInt8] {
    message(8, message(1, message(1, Array(namespace.utf8)) + message(2, structBytes)))
  }

  /// google.protobuf.Struct with one member.
  static func structure(_ key: String, _ value: [UInt8]) -> [UInt8] {
    message(1, message(1, Array(key.utf8)) + message(2, value))
  }

  static func stringValue(_ text: String) -> [UInt8] { message(3, Array(text.utf8)) }

  static func listValue(_ values: [[UInt8]]) -> [UInt8] { message(6, values.flatMap { message(1, $0) }) }
}
