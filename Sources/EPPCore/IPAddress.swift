/// An IP address by its bytes, so that two texts of one address are equal. An IPv4-mapped IPv6 address (RFC 4291 section
/// 2.5.5.2) counts as the IPv4 address.
package struct IPAddress: Hashable, Sendable, CustomStringConvertible {
  /// 4 or 16 bytes in network order.
  let bytes: [UInt8]

  /// Reads an IPv4 literal of four decimal numbers without leading zeros, or an IPv6 literal (RFC 4291 section 2.2) without
  /// brackets, zone and prefix length; nil for every other text.
  package init?(_ text: String) {
    if let bytes = Self.ipv4(text.utf8[...]) {
      self.bytes = bytes
    } else if let bytes = Self.ipv6(text.utf8[...]) {
      let isMapped = bytes[..<10].allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
      self.bytes = isMapped ? Array(bytes[12...]) : bytes
    } else {
      return nil
    }
  }

  /// Whether the address is in 127.0.0.0/8, or is ::1.
  package var isLoopback: Bool {
    bytes.count == 4 ? bytes[0] == 127 : bytes[..<15].allSatisfy { $0 == 0 } && bytes[15] == 1
  }

  /// Whether the address is in 169.254.0.0/16 or fe80::/10.
  package var isLinkLocal: Bool {
    bytes.count == 4 ? bytes[0] == 169 && bytes[1] == 254 : bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80
  }

  /// Whether the address is in 224.0.0.0/4 or ff00::/8, or is the IPv4 broadcast address.
  package var isMulticast: Bool {
    bytes.count == 4 ? bytes[0] & 0xF0 == 0xE0 || bytes.allSatisfy { $0 == 0xFF } : bytes[0] == 0xFF
  }

  /// Whether the address is 0.0.0.0 or ::.
  package var isUnspecified: Bool { bytes.allSatisfy { $0 == 0 } }

  /// Whether the address is of no other machine's: loopback, link-local, multicast, broadcast or unspecified.
  package var isSpecial: Bool { isLoopback || isLinkLocal || isMulticast || isUnspecified }

  /// The address as text: four decimal numbers, or the shortest form of RFC 5952 section 4.
  package var description: String {
    if bytes.count == 4 { return bytes.map { String($0) }.joined(separator: ".") }
    let groups = stride(from: 0, to: bytes.count, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
    // The first one of the longest runs of zeros, if it has two groups, is written `::`.
    var longest = 0..<0
    var run = 0..<0
    for (index, group) in groups.enumerated() {
      run = group == 0 ? (run.upperBound == index ? run.lowerBound : index)..<(index + 1) : run
      if run.count > longest.count { longest = run }
    }
    let texts = groups.map { String($0, radix: 16) }
    if longest.count < 2 { return texts.joined(separator: ":") }
    return texts[..<longest.lowerBound].joined(separator: ":") + "::"
      + texts[longest.upperBound...].joined(separator: ":")
  }

  // MARK: - Parsing

  private static let colon = UInt8(ascii: ":")

  private static func ipv4(_ text: Substring.UTF8View) -> [UInt8]? {
    let parts = text.split(separator: UInt8(ascii: "."), maxSplits: 4, omittingEmptySubsequences: false)
    guard parts.count == 4 else { return nil }
    var bytes: [UInt8] = []
    for part in parts {
      guard (1...3).contains(part.count), part.count == 1 || part.first != 0x30,
        part.allSatisfy({ (0x30...0x39).contains($0) }), let byte = UInt8(Substring(part))
      else { return nil }
      bytes.append(byte)
    }
    return bytes
  }

  private static func ipv6(_ text: Substring.UTF8View) -> [UInt8]? {
    guard let gap = firstGap(text) else { return groups(text).flatMap { $0.count == 16 ? $0 : nil } }
    // An IPv4 address stands at the end only.
    guard let head = groups(text[..<gap], allowsIPv4: false),
      let tail = groups(text[text.index(gap, offsetBy: 2)...]), head.count + tail.count <= 14
    else { return nil }
    return head + [UInt8](repeating: 0, count: 16 - head.count - tail.count) + tail
  }

  /// Returns the index of the first `::`.
  private static func firstGap(_ text: Substring.UTF8View) -> Substring.UTF8View.Index? {
    text.indices.first { index in
      let next = text.index(after: index)
      return text[index] == colon && next < text.endIndex && text[next] == colon
    }
  }

  /// Returns the bytes of groups that are separated by colons, of which the last may be an IPv4 address; empty for an empty
  /// text, nil when a group is none or when there are more than eight.
  private static func groups(_ text: Substring.UTF8View, allowsIPv4: Bool = true) -> [UInt8]? {
    guard !text.isEmpty else { return [] }
    let parts = text.split(separator: colon, maxSplits: 8, omittingEmptySubsequences: false)
    guard parts.count <= 8 else { return nil }
    var bytes: [UInt8] = []
    for (index, part) in parts.enumerated() {
      if (1...4).contains(part.count), part.allSatisfy(isHexDigit), let group = UInt16(Substring(part), radix: 16) {
        bytes += [UInt8(group >> 8), UInt8(group & 0xFF)]
      } else if allowsIPv4, index == parts.count - 1, let address = ipv4(part) {
        bytes += address
      } else {
        return nil
      }
    }
    return bytes.count <= 16 ? bytes : nil
  }

  private static func isHexDigit(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"): true
    default: false
    }
  }
}
