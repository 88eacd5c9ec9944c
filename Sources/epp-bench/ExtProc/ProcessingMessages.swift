import EPPCore
import NIOCore

/// Encodes Envoy's ext_proc messages, without a protobuf library to save CPU time. The field numbers are those of
/// `Protos/envoy/service/ext_proc/v3/external_processor.proto`.
enum ProcessingMessages {
  /// Members of `ProcessingRequest`.
  private enum Field {
    static let requestHeaders = 2
    static let responseHeaders = 3
    static let requestBody = 4
    static let responseBody = 5
    static let metadataContext = 8
    static let protocolConfiguration = 11
  }

  /// `ProcessingMode.BodySendMode.NONE`.
  private static let noBody = 0
  /// `ProcessingMode.BodySendMode.FULL_DUPLEX_STREAMED`.
  private static let fullDuplexStreamed = 4

  /// Appends the first message of a stream: headers, an empty metadata context and the protocol configuration.
  static func requestHeaders(
    _ headers: [(name: String, value: String)], showsAnswers: Bool, into buffer: inout ByteBuffer
  ) {
    buffer.writeGRPCMessage { message in
      message.writeField(Field.requestHeaders) { write(headers, into: &$0) }
      message.writeField(Field.metadataContext) { _ in }
      message.writeField(Field.protocolConfiguration) { configuration in
        configuration.writeField(1, integer: fullDuplexStreamed)
        configuration.writeField(2, integer: showsAnswers ? fullDuplexStreamed : noBody)
      }
    }
  }

  /// Appends the engine's response headers.
  static func responseHeaders(_ headers: [(name: String, value: String)], into buffer: inout ByteBuffer) {
    buffer.writeGRPCMessage { message in
      message.writeField(Field.responseHeaders) { write(headers, into: &$0) }
    }
  }

  /// Appends a chunk of the request body. Envoy ends a body with an empty chunk.
  static func requestBody(_ chunk: ByteBuffer, endOfStream: Bool = false, into buffer: inout ByteBuffer) {
    writeBody(Field.requestBody, chunk, endOfStream, into: &buffer)
  }

  /// Appends a chunk of the response body.
  static func responseBody(_ chunk: ByteBuffer, endOfStream: Bool = false, into buffer: inout ByteBuffer) {
    writeBody(Field.responseBody, chunk, endOfStream, into: &buffer)
  }

  private static func writeBody(
    _ field: Int, _ chunk: ByteBuffer, _ endOfStream: Bool, into buffer: inout ByteBuffer
  ) {
    buffer.writeGRPCMessage { message in
      message.writeField(field) { body in
        if chunk.readableBytes > 0 { body.writeField(1, bytes: chunk) }
        if endOfStream { body.writeField(2, integer: 1) }
      }
    }
  }

  /// Appends the fields of `HttpHeaders`. Values are in `raw_value`, as Envoy sends them.
  private static func write(_ headers: [(name: String, value: String)], into buffer: inout ByteBuffer) {
    buffer.writeField(1) { map in
      for header in headers {
        map.writeField(1) { entry in
          entry.writeField(1, bytes: ByteBuffer(string: header.name))
          entry.writeField(3, bytes: ByteBuffer(string: header.value))
        }
      }
    }
  }
}
