import EPPCore

/// llm-d's session token: `<namespace>/<name>` of an endpoint, in base64.
struct EndpointToken {
  private let bytes: [UInt8]
  private let slash: Int

  /// Reads a token; nil when it is none. A name with a slash is none of an endpoint.
  init?(_ text: some StringProtocol) {
    // Kubernetes names have 253 bytes at most, so that no more than this can be a token.
    guard text.utf8.count <= 1024, let bytes = Base64.bytes(text, .standard), let slash = bytes.firstIndex(of: 0x2F)
    else { return nil }
    self.bytes = bytes
    self.slash = slash
  }

  /// Whether it names an endpoint.
  func names(_ endpoint: Endpoint) -> Bool {
    bytes[(slash + 1)...].elementsEqual(endpoint.name.utf8) && bytes[..<slash].elementsEqual(endpoint.namespace.utf8)
  }

  /// The token of an endpoint.
  static func text(of endpoint: Endpoint) -> String {
    Base64.text(Array("\(endpoint.namespace)/\(endpoint.name)".utf8), .standard)
  }
}
