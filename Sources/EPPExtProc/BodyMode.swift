/// How the gateway sends bodies in one direction (`ProcessingMode.BodySendMode`).
package enum BodyMode: Int, Sendable, CaseIterable {
  /// Bodies are not sent.
  case none = 0
  /// Chunk by chunk; headers have gone on before the first chunk comes.
  case streamed = 1
  /// Whole, in one message; headers wait for the answer to it.
  case buffered = 2
  /// As much as the gateway's buffer holds, in one message; headers wait for the answer to it.
  case bufferedPartial = 3
  /// Chunk by chunk, and the processor sends back all that goes on, when it likes.
  case fullDuplexStreamed = 4
}

/// What the gateway says of its body modes with the first message of a stream (`ProtocolConfiguration`).
package struct ProtocolConfiguration: Sendable, Equatable {
  package var requestBody: BodyMode
  package var responseBody: BodyMode

  package init(requestBody: BodyMode, responseBody: BodyMode) {
    self.requestBody = requestBody
    self.responseBody = responseBody
  }

  /// What the endpoint picker protocol asks of gateways, and what is assumed when nothing is said.
  package static let fullDuplex = ProtocolConfiguration(
    requestBody: .fullDuplexStreamed, responseBody: .fullDuplexStreamed)
}
