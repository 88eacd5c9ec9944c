package import EPPCore

/// `token-producer`: finds a prompt's token ids for endpoints whose KV events are followed.
///
/// The pool's engines render prompts themselves. A render service is asked before them, and they are asked where it does not
/// answer.
package struct RenderService: PluginSettings {
  /// Where the service listens.
  package let address: EndpointAddress
  /// Whether it speaks TLS.
  package let isSecure: Bool
  /// How long it may take for an answer.
  package let timeout: Duration

  // MARK: Parameters

  private static let url = TypedParameter<String?>.text("url", "A render service, such as http://render:8000")
  private static let olderURL = TypedParameter<String?>.text("http", "Older name of url")
  private static let timeout = TypedParameter<Duration>.duration(
    "timeout", default: .seconds(5), as: "5s", "How long the render service may take for an answer")
  private static let service = TypedParameter<PluginArguments?>.object(
    "vllm",
    [
      url.declaration, olderURL.declaration, timeout.declaration,
      PluginParameter("mmTimeout", .ignored(because: nil), "Has no effect: prompts with media are matched as text"),
      PluginParameter(
        "endpointDiscovery", .ignored(because: nil), "Has no effect: the pool's engines are always asked"),
    ], "Who renders prompts besides the pool's engines")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "token-producer", olderNames: ["tokenizer"], "Finds a prompt's token ids where engines announce blocks of tokens",
    parameters: [
      service.declaration,
      PluginParameter(
        "estimate", .ignored(because: nil), "Has no effect: prompts without token ids are matched as text"),
      PluginParameter("modelName", .ignored(because: nil), "Has no effect: the request's model counts"),
      PluginParameter("udsTokenizerConfig", .ignored(because: nil), "Has no effect: the pool's engines are asked"),
    ],
    check: { check in
      guard let service = check.arguments[service], let given = service[url] ?? service[olderURL],
        RenderService(check.arguments) == nil
      else { return }
      check.note(
        "the url '\(given.shortened)' of \(check.type) is not written http://HOST:PORT: only the pool's engines are asked"
      )
    },
    parts: [.settings(.producer) { RenderService($0) }])

  /// Nil where the arguments name no service.
  init?(_ arguments: PluginArguments) {
    guard let service = arguments[Self.service], let text = service[Self.url] ?? service[Self.olderURL] else {
      return nil
    }
    let schemes = [("http://", false, 80), ("https://", true, 443)]
    guard let scheme = schemes.first(where: { text.hasPrefix($0.0) }) else { return nil }
    var host = text.dropFirst(scheme.0.utf8.count)
    while host.last == "/" { host = host.dropLast() }
    let hasPort = host.last != "]" && host.contains(":")
    guard !host.contains("/"), let address = EndpointAddress(hasPort ? String(host) : "\(host):\(scheme.2)") else {
      return nil
    }
    self.address = address
    isSecure = scheme.1
    timeout = service[Self.timeout]
  }
}
