package import EPPCore

/// Reads cookies of requests as RFC 6265 section 5.4 lets clients send them: pairs of name and value with semicolons between them.
///
/// A value in double quotes counts without them. A pair without `=` is no cookie. Time grows with the length of the headers, and
/// nothing is allocated.
enum CookieReader {
  private static let (semicolon, equals, quote): (UInt8, UInt8, UInt8) = (0x3B, 0x3D, 0x22)

  /// The value of the first cookie with a name that is not empty. HTTP/2 allows a client to spread cookies over several headers.
  static func value(of name: String, in headers: RequestHeaders) -> Substring? {
    for field in headers.fields where field.name == HeaderName.cookie {
      if let value = value(of: name, in: field.value) { return value }
    }
    return nil
  }

  /// The value of the first cookie with a name that is not empty, in one header.
  static func value(of name: String, in header: String) -> Substring? {
    var rest = header.utf8[...]
    while !rest.isEmpty {
      let end = rest.firstIndex(of: semicolon) ?? rest.endIndex
      let pair = rest[..<end]
      rest = end < rest.endIndex ? rest[rest.index(after: end)...] : rest[end...]
      guard let equals = pair.firstIndex(of: equals),
        trimmed(pair[..<equals]).elementsEqual(name.utf8)
      else { continue }
      let value = unquoted(trimmed(pair[pair.index(after: equals)...]))
      if !value.isEmpty { return Substring(value) }
    }
    return nil
  }

  private static func trimmed(_ text: Substring.UTF8View) -> Substring.UTF8View {
    var text = text
    while let first = text.first, first == 0x20 || first == 0x09 { text.removeFirst() }
    while let last = text.last, last == 0x20 || last == 0x09 { text.removeLast() }
    return text
  }

  private static func unquoted(_ value: Substring.UTF8View) -> Substring.UTF8View {
    guard value.count >= 2, value.first == quote, value.last == quote else { return value }
    return value.dropFirst().dropLast()
  }
}

/// A cookie that a response sets: for all paths, until the client ends its session, out of reach for scripts, and not sent with
/// requests that other sites start (RFC 6265bis `SameSite=Lax`).
package enum ResponseCookie {
  /// The header of a response that sets the cookie.
  ///
  /// - Parameters:
  ///   - name: a token of RFC 9110.
  ///   - value: octets of a cookie value.
  package static func field(name: String, value: String) -> RequestHeaders.Field {
    RequestHeaders.Field(name: HeaderName.setCookie, value: "\(name)=\(value); Path=/; HttpOnly; SameSite=Lax")
  }

  /// Whether a text may be the name of a cookie: a token of RFC 9110, 1 to 128 bytes.
  package static func isName(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
      }
  }
}
