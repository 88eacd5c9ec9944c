package import EPPCore

/// Checks the texts of addresses, without using the network.
package enum AddressText {
  /// Reads `HOST:PORT`, with an IPv6 literal in brackets.
  ///
  /// - Throws: `ConfigurationProblem` that says what is wrong with the text.
  package static func endpoint(_ text: String) throws(ConfigurationProblem) -> EndpointAddress {
    if let end = text.range(of: "://") {
      throw ConfigurationProblem("'\(text)' is a URL: write HOST:PORT, without '\(text[..<end.upperBound])'")
    }
    if text.contains(":"), IPAddress(text) != nil {
      throw ConfigurationProblem("'\(text)' has no port: write [\(text)]:8000")
    }
    if text.contains(",") {
      throw ConfigurationProblem("'\(text)' is a list: give the flag once for each endpoint")
    }
    guard let address = EndpointAddress(text) else {
      if let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
        port == 0 || port > 65_535
      {
        throw ConfigurationProblem("'\(text)': \(port) is not a port from 1 to 65535")
      }
      throw ConfigurationProblem("'\(text)' is not HOST:PORT (an IPv6 address needs brackets: [::1]:8000)")
    }
    guard isHost(address.host) else {
      throw ConfigurationProblem("'\(address.host)' in '\(text)' is neither an IP address nor a host name")
    }
    return address
  }

  /// Reads `IP:PORT` of an address to listen on, with an IPv6 literal in brackets; `localhost` is 127.0.0.1, and port 0 is a free
  /// one.
  ///
  /// - Returns: The IP literal without brackets, and the port; nil for another text.
  package static func listening(_ text: String) -> (host: String, port: Int)? {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let digits = text[text.index(after: colon)...]
    var host = text[..<colon]
    if host.first == "[", host.last == "]" {
      host = host.dropFirst().dropLast()
      guard host.contains(":") else { return nil }
    } else if host.contains(":") {
      return nil
    }
    if host == "localhost" { host = "127.0.0.1" }
    guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = UInt16(digits),
      IPAddress(String(host)) != nil
    else { return nil }
    return (String(host), Int(port))
  }

  private static func isHost(_ host: String) -> Bool {
    if host.contains(":") { return IPAddress(host) != nil }
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
    return !last.isEmpty && (!last.utf8.allSatisfy { (0x30...0x39).contains($0) } || IPAddress(host) != nil)
  }
}

extension String {
  /// Returns the first occurrence of a text.
  fileprivate func range(of text: String) -> Range<Index>? { ranges(of: text).first }
}
