package import EPPCore

/// Which engines a request's headers may name as the target of a connection of the proxy's own: anybody who reaches the proxy can set
/// these headers, and the proxy reaches what the client does not. Addresses are checked, not names: a name is resolved once, and
/// the address that was checked is the one that is dialled.
package struct TargetPolicy: Sendable, Equatable {
  /// What is allowed.
  package enum Allowed: Sendable, Equatable {
    /// Any address of these networks, on one of these ports. Loopback, link-local and multicast addresses are refused, however wide
    /// the networks are, unless a network is of such addresses alone.
    case networks([IPNetwork], ports: Set<UInt16>)
    /// These addresses with these ports alone, such as the members of an InferencePool.
    case members(Set<Member>)
  }

  /// An address with a port.
  package struct Member: Hashable, Sendable {
    package var address: IPAddress
    package var port: UInt16

    package init(address: IPAddress, port: UInt16) {
      self.address = address
      self.port = port
    }
  }

  /// Why a target is refused.
  package enum Refusal: String, Error, Sendable {
    case malformed = "it is not written ADDRESS:PORT"
    case special = "it is a loopback, link-local, multicast or unspecified address"
    case forbidden = "it is an address that is never a target, such as the API server's"
    case network = "its address is in no allowed network"
    case port = "its port is no engine's"
    case stranger = "it is no member of the pool"
    case unsigned = "its header is not signed by the picker"

    /// One word for it.
    package var label: String {
      switch self {
      case .malformed: "malformed"
      case .special: "special"
      case .forbidden: "forbidden"
      case .network: "network"
      case .port: "port"
      case .stranger: "stranger"
      case .unsigned: "unsigned"
      }
    }
  }

  /// The networks where none are configured: those of private addresses (RFC 1918, RFC 6598, RFC 4193).
  package static let privateNetworks = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"]
    .compactMap {
      IPNetwork($0)
    }

  private let allowed: Allowed
  private let forbidden: Set<IPAddress>

  /// - Parameter forbidden: Addresses that are refused whatever is allowed.
  package init(_ allowed: Allowed, forbidden: Set<IPAddress> = []) {
    self.allowed = allowed
    self.forbidden = forbidden
  }

  /// Checks an address that is to be dialled.
  package func check(_ address: IPAddress, port: UInt16) throws(Refusal) {
    if forbidden.contains(address) { throw .forbidden }
    switch allowed {
    case .members(let members):
      // Its address was written by whoever configures the pool, so it may be a loopback one.
      guard members.contains(Member(address: address, port: port)) else { throw .stranger }
    case .networks(let networks, let ports):
      let containing = networks.filter { $0.contains(address) }
      guard !address.isSpecial || containing.contains(where: { $0.first.isSpecial && $0.bits >= 8 }) else {
        throw .special
      }
      guard !containing.isEmpty else { throw .network }
      guard ports.contains(port) else { throw .port }
    }
  }

  /// The first of a name's addresses that may be dialled.
  ///
  /// - Throws: The refusal of the first one, where none may be; `malformed` where there is none.
  package func firstAllowed(of addresses: [IPAddress], port: UInt16) throws(Refusal) -> IPAddress {
    var refusal: Refusal?
    for address in addresses {
      do {
        try check(address, port: port)
        return address
      } catch {
        refusal = refusal ?? error
      }
    }
    throw refusal ?? .malformed
  }
}

/// A target as a header names it.
package struct NamedTarget: Sendable, Equatable {
  /// Address or name, and port.
  package let endpoint: EndpointAddress

  /// Reads `ADDRESS:PORT`, which older pickers write with `http://` before it.
  package init(_ text: some StringProtocol) throws(TargetPolicy.Refusal) {
    var rest = text[...]
    while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
    while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
    if rest.hasPrefix("http://") { rest.removeFirst(7) }
    guard let endpoint = EndpointAddress(rest), Self.isName(endpoint.host) || IPAddress(endpoint.host) != nil else {
      throw .malformed
    }
    self.endpoint = endpoint
  }

  /// Its address, where it names one itself.
  package var address: IPAddress? { IPAddress(endpoint.host) }

  /// Whether a text is a host's name (RFC 1123) and not an address in another form, such as a decimal or an octal number, which
  /// resolvers take and checks of texts miss: the last label of a name is never a number.
  private static func isName(_ text: String) -> Bool {
    let labels = text.split(separator: ".", omittingEmptySubsequences: false)
    guard text.utf8.count <= 253, let last = labels.last, let first = last.utf8.first, !(0x30...0x39).contains(first)
    else {
      return false
    }
    return labels.allSatisfy { label in
      (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
        && label.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x7A).contains($0 | 0x20) || $0 == 0x2D }
    }
  }
}
