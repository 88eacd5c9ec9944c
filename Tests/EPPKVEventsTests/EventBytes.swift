/// The payload of a message, in vLLM's array encoding.
struct EventBytes {
  private(set) var events: [[UInt8]] = []

  /// Blocks of one token each, one after the other; the hash of a block is its token plus `salt`.
  ///
  /// - Parameter kind: what the engine keeps of prefixes; nil says nothing.
  func storing(_ tokens: [UInt32], after parent: UInt32? = nil, salt: UInt64 = 0, kind: String? = nil) -> EventBytes {
    var event = Self.array(kind == nil ? 8 : 11) + Self.text("BlockStored") + Self.array(tokens.count)
    for token in tokens { event += Self.number(UInt64(token) + salt) }
    event += parent.map { Self.number(UInt64($0) + salt) } ?? [0xc0]
    event += Self.array(tokens.count)
    for token in tokens { event += Self.number(UInt64(token)) }
    event += Self.number(1) + [0xc0] + Self.text("GPU") + [0xc0]
    if let kind { event += [0xc0] + Self.number(0) + Self.text(kind) }
    return adding(event)
  }

  func removing(_ tokens: [UInt32], salt: UInt64 = 0) -> EventBytes {
    var event = Self.array(3) + Self.text("BlockRemoved") + Self.array(tokens.count)
    for token in tokens { event += Self.number(UInt64(token) + salt) }
    return adding(event + Self.text("GPU"))
  }

  func clearing() -> EventBytes { adding(Self.array(1) + Self.text("AllBlocksCleared")) }

  /// The message. Its time is its own: no two messages are the same.
  ///
  /// - Parameter padding: bytes of a member that nobody knows.
  func bytes(rank: Int = 0, padding: Int? = nil) -> [UInt8] {
    let time = Double.random(in: 1...2).bitPattern
    let header = Self.array(padding == nil ? 3 : 4) + [0xcb] + Self.big(time, 8)
    return header + Self.array(events.count) + events.joined() + Self.number(UInt64(rank))
      + (padding.map { [0xc6] + Self.big(UInt64($0), 4) + [UInt8](repeating: 0, count: $0) } ?? [])
  }

  private func adding(_ event: [UInt8]) -> EventBytes {
    var result = self
    result.events.append(event)
    return result
  }

  private static func array(_ count: Int) -> [UInt8] { [0xdd] + big(UInt64(count), 4) }
  private static func number(_ value: UInt64) -> [UInt8] { [0xcf] + big(value, 8) }
  private static func text(_ value: String) -> [UInt8] { [0xd9, UInt8(value.utf8.count)] + Array(value.utf8) }
  private static func big(_ value: UInt64, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * (count - 1 - $0))) }
  }
}
