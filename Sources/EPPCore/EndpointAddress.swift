/// A network address of a model server: an IP literal or a host name, and a port.
///
/// Written `10.0.0.7:8000`, `[2001:db8::7]:8000` or `engine-0.local:8000`: the form that goes into the destination
/// header, where an IPv6 literal needs its brackets.
package struct EndpointAddress: Hashable, Sendable, CustomStringConvertible {
  /// An IPv4 or IPv6 literal without brackets, or a host name.
  package var host: String
  /// The TCP port, 1...65535.
  package var port: UInt16

  package init(host: String, port: UInt16) {
    self.host = host
    self.port = port
  }

  /// Parses `host:port` or `[ipv6]:port`; nil when the port is missing or out of range, when the host is empty or contains
  /// white space or a comma, or when an IPv6 literal has no brackets (its last group would be taken for the port).
  package init?(_ text: some StringProtocol) {
    guard let colon = text.lastIndex(of: ":") else { return nil }
    let portText = text[text.index(after: colon)...]
    guard !portText.isEmpty, portText.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let port = UInt16(portText), port > 0
    else { return nil }
    var host = text[..<colon]
    if host.first == "[" {
      guard host.last == "]", host.count > 2 else { return nil }
      host = host.dropFirst().dropLast()
    } else if host.contains(":") {
      return nil
    }
    guard !host.isEmpty, !host.contains(where: { $0.isWhitespace || $0 == "," }) else { return nil }
    self.init(host: String(host), port: port)
  }

  /// Whether the host is an IPv6 literal.
  package var isIPv6: Bool { host.utf8.contains(0x3A) }

  package var description: String { isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
