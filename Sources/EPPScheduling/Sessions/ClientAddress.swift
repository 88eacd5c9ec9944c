import EPPCore

/// Determines the address of a request's client.
enum ClientAddress {
  /// The gateway's `source.address` attribute, because a client cannot forge it; else the hop of `x-forwarded-for` at position
  /// `trustedHops` from the right (1 is the last): anybody may have written the hops before it. Without a port; nil when it is
  /// not known.
  static func read(_ context: RequestContext, trustedHops: Int) -> Substring? {
    if let address = context.sourceAddress, !address.isEmpty { return address[...] }
    var left = trustedHops
    guard left > 0 else { return nil }
    for field in context.headers.fields.reversed() where field.name == HeaderName.forwardedFor {
      var rest: Substring? = field.value[...]
      while let list = rest {
        let comma = list.lastIndex(of: ",")
        let hop = (comma.map { list[list.index(after: $0)...] } ?? list).trimmed
        rest = comma.map { list[..<$0] }
        guard !hop.isEmpty else { continue }
        left -= 1
        if left == 0 { return withoutPort(hop) }
      }
    }
    return nil
  }

  /// Removes the port, which some proxies add and which differs for each connection of a client.
  private static func withoutPort(_ hop: Substring) -> Substring {
    if hop.first == "[", let end = hop.firstIndex(of: "]") { return hop[hop.index(after: hop.startIndex)..<end] }
    guard let colon = hop.firstIndex(of: ":"), colon == hop.lastIndex(of: ":") else { return hop }
    return hop[..<colon]
  }
}
