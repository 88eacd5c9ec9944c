/// How the gateway sends bodies in one direction (`ProcessingMode.BodySendMode`).
package enum BodyMode: Int, Sendable, CaseIterable {
  /// Bodies are not sent.
  case none = 0
  /// Chunk by chunk. The gateway forwards the headers before it sends the first chunk.
  case streamed = 1
  /// The whole body in one message. The gateway holds the headers back until the reply to it.
  case buffered = 2
  /// As much as the gateway's buffer holds, in one message. The gateway holds the headers back until the reply to it.
  case bufferedPartial = 3
  /// Chunk by chunk. The gateway forwards only the bytes that the processor sends back, at any time.
  case fullDuplexStreamed = 4
}

/// The gateway's body modes, which it sends with the first message of a stream (`ProtocolConfiguration`).
package struct ProtocolConfiguration: Sendable, Equatable {
  /// How request bodies are sent.
  package var requestBody: BodyMode
  /// How response bodies are sent.
  package var responseBody: BodyMode

  package init(requestBody: BodyMode, responseBody: BodyMode) {
    self.requestBody = requestBody
    self.responseBody = responseBody
  }

  /// Full duplex in both directions: what the endpoint picker protocol requires, and the default for gateways that send no
  /// modes.
  package static let fullDuplex = ProtocolConfiguration(
    requestBody: .fullDuplexStreamed, responseBody: .fullDuplexStreamed)
}
