/// A value of MessagePack, as far as KV events have any.
indirect enum MessagePackValue: Equatable {
  case none
  case integer(UInt64)
  case double(Double)
  case text(String)
  case data([UInt8])
  case array([MessagePackValue])
  case map([String: MessagePackValue])

  struct Malformed: Error {}

  /// Reads bytes; nothing may follow the value.
  init(_ bytes: [UInt8]) throws {
    var rest = bytes[...]
    self = try Self.read(&rest)
    guard rest.isEmpty else { throw Malformed() }
  }

  private static func take(_ count: Int, _ rest: inout ArraySlice<UInt8>) throws -> ArraySlice<UInt8> {
    guard rest.count >= count else { throw Malformed() }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }

  private static func number(_ count: Int, _ rest: inout ArraySlice<UInt8>) throws -> UInt64 {
    try take(count, &rest).reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func read(_ rest: inout ArraySlice<UInt8>) throws -> MessagePackValue {
    let head = UInt8(try number(1, &rest))
    switch head {
    case 0..<0x80: return .integer(UInt64(head))
    case 0x80..<0x90:
      var map: [String: MessagePackValue] = [:]
      for _ in 0..<head & 0x0F {
        guard case .text(let key) = try read(&rest) else { throw Malformed() }
        map[key] = try read(&rest)
      }
      return .map(map)
    case 0x90..<0xA0: return try array(Int(head & 0x0F), &rest)
    case 0xA0..<0xC0: return .text(String(decoding: try take(Int(head & 0x1F), &rest), as: UTF8.self))
    case 0xC0: return .none
    case 0xC4: return .data(Array(try take(Int(try number(1, &rest)), &rest)))
    case 0xCB: return .double(Double(bitPattern: try number(8, &rest)))
    case 0xCC...0xCF: return .integer(try number(1 << Int(head - 0xCC), &rest))
    case 0xD9: return .text(String(decoding: try take(Int(try number(1, &rest)), &rest), as: UTF8.self))
    case 0xDC: return try array(Int(try number(2, &rest)), &rest)
    default: throw Malformed()
    }
  }

  private static func array(_ count: Int, _ rest: inout ArraySlice<UInt8>) throws -> MessagePackValue {
    .array(try (0..<count).map { _ in try read(&rest) })
  }

  subscript(name: String) -> MessagePackValue? { if case .map(let map) = self { map[name] } else { nil } }

  var elements: [MessagePackValue] { if case .array(let elements) = self { elements } else { [] } }

  var integers: [UInt64] {
    elements.compactMap { if case .integer(let integer) = $0 { integer } else { nil } }
  }
}
