import EPPCore
import EPPExtProc

/// Encodes the messages that the picker sends (`ProcessingResponse`). Bytes of streamed bodies are not copied: they are
/// appended by reference after the result of `streamedBodyPrefix`.
struct ProcessingResponseEncoder {
  /// `HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD`. It is always written, because gateways use different defaults.
  private static let overwriteIfExistsOrAdd: UInt64 = 2

  private var writer = WireWriter()

  init() {}

  /// Encodes a reply to headers that changes nothing.
  mutating func unchanged(headersOf direction: MessageDirection) -> [UInt8] {
    encode { writer in writer.message(direction.headersField) { $0.message(1) { _ in } } }
  }

  /// Encodes a reply to a body chunk that the gateway keeps, which changes nothing.
  mutating func unchanged(bodyOf direction: MessageDirection) -> [UInt8] {
    encode { writer in writer.message(direction.bodyField) { $0.message(1) { _ in } } }
  }

  /// Encodes a reply to trailers that changes nothing.
  mutating func trailers(of direction: MessageDirection) -> [UInt8] {
    encode { writer in writer.message(direction.trailersField) { _ in } }
  }

  /// Encodes a reply to the response's headers that sets some headers and removes others.
  mutating func responseHeaders(setting fields: [RequestHeaders.Field], removing names: [String]) -> [UInt8] {
    encode { writer in
      writer.message(MessageDirection.response.headersField) { writer in
        writer.message(1) { writer in
          writer.message(2) { Self.mutation(&$0, set: fields, remove: names) }
        }
      }
    }
  }

  /// Encodes a reply to a body chunk that the gateway keeps, which replaces its bytes: BodyMutation.body = 1.
  mutating func replacedBody(of direction: MessageDirection, _ body: [UInt8]) -> [UInt8] {
    encode { writer in
      writer.message(direction.bodyField) { writer in
        writer.message(1) { writer in writer.message(3) { $0.field(1, body) } }
      }
    }
  }

  /// Encodes a reply to the request's headers with the decision.
  mutating func decisionInHeaders(_ decision: RoutingDecision) -> [UInt8] {
    encode { writer in
      writer.message(MessageDirection.request.headersField) { writer in
        writer.message(1) { Self.common(&$0, decision, body: nil) }
      }
      Self.dynamicMetadata(&writer, decision)
    }
  }

  /// Encodes a reply to a buffered request body with the decision. `body` replaces the client's body; nil leaves it unchanged.
  mutating func decisionInBody(_ decision: RoutingDecision, body: [UInt8]?) -> [UInt8] {
    encode { writer in
      writer.message(MessageDirection.request.bodyField) { writer in
        writer.message(1) { Self.common(&$0, decision, body: body) }
      }
      Self.dynamicMetadata(&writer, decision)
    }
  }

  /// Encodes a response that the gateway sends to the client.
  mutating func immediate(_ answer: ImmediateAnswer) -> [UInt8] {
    encode { writer in
      writer.message(7) { writer in
        writer.message(1) { $0.field(1, UInt64(answer.status)) }
        writer.message(2) { Self.mutation(&$0, set: answer.headers, remove: []) }
        writer.field(3, answer.body)
        writer.field(5, answer.details)
      }
    }
  }

  /// Encodes numbers as the field dynamic_metadata of a reply.
  mutating func metadata(_ attributes: [ReportedAttribute]) -> [UInt8] {
    encode { writer in
      writer.message(8) { writer in
        for namespace in Set(attributes.map(\.namespace)).sorted() {
          Self.structField(&writer, namespace) { writer in
            writer.message(5) { writer in
              for attribute in attributes where attribute.namespace == namespace {
                Self.structField(&writer, attribute.name) { $0.field(2, attribute.value) }
              }
            }
          }
        }
      }
    }
  }

  /// Encodes a reply with a streamed body up to the body's bytes: `ProcessingResponse{BodyResponse{CommonResponse{
  /// BodyMutation{StreamedBodyResponse{end_of_stream, body}}}}}`. end_of_stream is written before body, so that the bytes
  /// come last and can be appended by reference.
  static func streamedBodyPrefix(_ direction: MessageDirection, byteCount: Int, endOfStream: Bool) -> [UInt8] {
    // Lengths from the inside out: the body's own tag and length are there even when it is empty.
    let flag = endOfStream ? 2 : 0
    let streamed = flag + 1 + varintLength(byteCount) + byteCount
    let mutation = 1 + varintLength(streamed) + streamed
    let common = 1 + varintLength(mutation) + mutation
    let response = 1 + varintLength(common) + common
    var writer = WireWriter()
    writer.varint(direction.bodyField << 3 | 2)
    writer.varint(UInt64(response))
    writer.varint(1 << 3 | 2)
    writer.varint(UInt64(common))
    writer.varint(3 << 3 | 2)
    writer.varint(UInt64(mutation))
    writer.varint(3 << 3 | 2)
    writer.varint(UInt64(streamed))
    writer.field(2, endOfStream)
    writer.varint(1 << 3 | 2)
    writer.varint(UInt64(byteCount))
    return writer.bytes
  }

  private static func varintLength(_ value: Int) -> Int {
    max(1, (Int.bitWidth - value.leadingZeroBitCount + 6) / 7)
  }

  private mutating func encode(_ content: (inout WireWriter) -> Void) -> [UInt8] {
    writer.removeAll()
    content(&writer)
    return writer.bytes
  }

  /// Writes the fields of CommonResponse: header_mutation = 2, body_mutation = 3, clear_route_cache = 5.
  private static func common(_ writer: inout WireWriter, _ decision: RoutingDecision, body: [UInt8]?) {
    writer.message(2) { writer in
      setHeader(&writer, RequestHeaders.Field(name: HeaderName.destinationEndpoint, value: decision.destination))
      mutation(&writer, set: decision.setHeaders, remove: decision.removedHeaders)
    }
    if let body { writer.message(3) { $0.field(1, body) } }
    writer.field(5, true)
  }

  /// Writes the fields of HeaderMutation: set_headers = 1, remove_headers = 2.
  private static func mutation(_ writer: inout WireWriter, set: [RequestHeaders.Field], remove: [String]) {
    for field in set { setHeader(&writer, field) }
    for name in remove { writer.field(2, name) }
  }

  /// Writes set_headers with a HeaderValueOption: header = 1 {key = 1, raw_value = 3}, append_action = 3.
  private static func setHeader(_ writer: inout WireWriter, _ field: RequestHeaders.Field) {
    writer.message(1) { writer in
      writer.message(1) { writer in
        writer.field(1, field.name)
        writer.field(3, field.value)
      }
      writer.field(3, overwriteIfExistsOrAdd)
    }
  }

  /// Writes dynamic_metadata = 8: the destination, for gateways that pick the host from metadata, and scores.
  private static func dynamicMetadata(_ writer: inout WireWriter, _ decision: RoutingDecision) {
    writer.message(8) { writer in
      structField(&writer, MetadataNamespace.loadBalancing) { writer in
        writer.message(5) { writer in
          structField(&writer, HeaderName.destinationEndpoint) { $0.field(3, decision.destination) }
          guard !decision.scores.isEmpty else { return }
          structField(&writer, HeaderName.destinationEndpointScores) { writer in
            writer.message(5) { writer in
              for entry in decision.scores {
                structField(&writer, entry.destination) { $0.field(2, entry.score) }
              }
            }
          }
        }
      }
    }
  }

  /// Writes an entry of google.protobuf.Struct: fields = 1 {key = 1, value = 2}.
  private static func structField(_ writer: inout WireWriter, _ key: String, _ value: (inout WireWriter) -> Void) {
    writer.message(1) { writer in
      writer.field(1, key)
      writer.message(2, value)
    }
  }
}

extension MessageDirection {
  /// The field of ProcessingResponse for a reply to headers.
  fileprivate var headersField: UInt64 { self == .request ? 1 : 2 }
  /// The field of ProcessingResponse for a reply to a body.
  fileprivate var bodyField: UInt64 { self == .request ? 3 : 4 }
  /// The field of ProcessingResponse for a reply to trailers.
  fileprivate var trailersField: UInt64 { self == .request ? 5 : 6 }
}
