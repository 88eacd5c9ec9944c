package import EPPCore

/// Checks the texts of addresses, without using the network.
package enum AddressText {
  /// Whether the text is an IPv4 or IPv6 literal (RFC 4291 section 2.2), without brackets, scope or prefix length.
  package static func isLiteral(_ text: String) -> Bool { isIPv4(text[...]) || isIPv6(text) }

  /// Reads `HOST:PORT`, with an IPv6 literal in brackets.
  ///
  /// - Throws: `ConfigurationProblem` that says what is wrong with the text.
  package static func endpoint(_ text: String) throws(ConfigurationProblem) -> EndpointAddress {
    if let end = text.range(of: "://") {
      throw ConfigurationProblem("'\(text)' is a URL: write HOST:PORT, without '\(text[..<end.upperBound])'")
    }
    if isIPv6(text) { throw ConfigurationProblem("'\(text)' has no port: write [\(text)]:8000") }
    guard let address = EndpointAddress(text) else {
      throw ConfigurationProblem("'\(text)' is not HOST:PORT (an IPv6 address needs brackets: [::1]:8000)")
    }
    guard isHost(address.host) else {
      throw ConfigurationProblem("'\(address.host)' in '\(text)' is neither an IP address nor a host name")
    }
    return address
  }

  private static func isHost(_ host: String) -> Bool {
    if host.contains(":") { return isIPv6(host) }
    let isName = host.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x30...0x39,
        UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"):
        true
      default: false
      }
    }
    guard isName, host.utf8.count <= 253 else { return false }
    // A last label of digits only makes it an address to every resolver, so it has to be a good one.
    let last = host.split(separator: ".").last ?? ""
    return !last.isEmpty && (!last.utf8.allSatisfy { (0x30...0x39).contains($0) } || isIPv4(host[...]))
  }

  private static func isIPv4(_ text: Substring) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 4
      && parts.allSatisfy { part in
        (1...3).contains(part.utf8.count) && part.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8(part) != nil
          && (part.utf8.count == 1 || part.first != "0")
      }
  }

  private static func isIPv6(_ text: String) -> Bool {
    guard text.utf8.count <= 45, text.contains(":") else { return false }
    let halves = text.components(separatedBy: "::")
    guard halves.count <= 2 else { return false }
    var groups = 0
    for (index, half) in halves.enumerated() where !half.isEmpty {
      let parts = half.split(separator: ":", omittingEmptySubsequences: false)
      for (position, part) in parts.enumerated() {
        let isLast = index == halves.count - 1 && position == parts.count - 1
        if isLast, isIPv4(part) {
          groups += 2
        } else if (1...4).contains(part.utf8.count), part.utf8.allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
        {
          groups += 1
        } else {
          return false
        }
      }
    }
    return halves.count == 2 ? groups <= 7 : groups == 8
  }
}

extension String {
  /// Returns the first occurrence of a text.
  fileprivate func range(of text: String) -> Range<Index>? { ranges(of: text).first }

  fileprivate func components(separatedBy separator: String) -> [Substring] {
    split(separator: separator, omittingEmptySubsequences: false)
  }
}
