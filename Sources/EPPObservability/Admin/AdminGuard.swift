import EPPCore

/// Decides by the headers `Host` and `Origin` which requests the admin server looks at.
///
/// A page of another site that is open in a browser on the machine must reach nothing: its scripts send an `Origin`, and where
/// their own host name is made to resolve to the admin address (DNS rebinding), that name is in `Host`.
struct AdminGuard: Sendable {
  /// Names that every machine resolves to a loopback address, in lower case.
  private static let loopbackNames: Set<String> = ["localhost", "ip6-localhost", "ip6-loopback"]

  /// Nil where the server listens on all interfaces: every IP address is then its own, and only names are refused.
  private let boundAddress: IPAddress?

  /// - Parameter address: The address that the server is bound to.
  init(boundTo address: IPAddress) { boundAddress = address.isUnspecified ? nil : address }

  /// Returns why a request is refused, in one sentence; nil when it is not.
  ///
  /// - Parameters:
  ///   - hosts: All headers `Host` of the request.
  ///   - origin: The header `Origin`.
  func refusal(hosts: [String], origin: String?) -> String? {
    if origin != nil { return "requests of browsers (with an Origin header) are refused here: use curl or epp weights" }
    guard hosts.count == 1, let host = hosts.first, isOwn(host) else {
      return
        "the Host header has to be the address that the admin server listens on, or localhost: another name may be a "
        + "trick of a web page"
    }
    return nil
  }

  private func isOwn(_ host: String) -> Bool {
    guard let name = Self.withoutPort(host) else { return false }
    if let address = IPAddress(name) { return address.isLoopback || boundAddress.map { $0 == address } ?? true }
    let isRooted = name.last == "."
    return Self.loopbackNames.contains((isRooted ? String(name.dropLast()) : name).lowercased())
  }

  /// Returns the host of `host`, `host:port`, `[ipv6]` or `[ipv6]:port`; nil for another text.
  private static func withoutPort(_ text: String) -> String? {
    let port: Substring
    let host: Substring
    if text.first == "[" {
      guard let end = text.firstIndex(of: "]") else { return nil }
      host = text[text.index(after: text.startIndex)..<end]
      guard host.contains(":") else { return nil }
      port = text[text.index(after: end)...]
    } else {
      let end = text.firstIndex(of: ":") ?? text.endIndex
      host = text[..<end]
      port = text[end...]
    }
    guard !host.isEmpty, port.isEmpty || port.first == ":" && UInt16(port.dropFirst()) != nil,
      port.utf8.dropFirst().allSatisfy({ (0x30...0x39).contains($0) })
    else { return nil }
    return String(host)
  }
}
