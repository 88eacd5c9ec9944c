import EPPCore
import NIOCore

/// Envoy's side of the ext_proc messages, encoded by hand from the field numbers in
/// `Protos/envoy/service/ext_proc/v3/external_processor.proto`: load must cost little.
enum ProcessingMessages {
  /// `ProcessingRequest` members.
  private enum Field {
    static let requestHeaders = 2
    static let responseHeaders = 3
    static let requestBody = 4
    static let responseBody = 5
    static let metadataContext = 8
    static let protocolConfiguration = 11
  }

  /// `ProcessingMode.BodySendMode`: NONE and FULL_DUPLEX_STREAMED.
  private static let noBody = 0
  private static let fullDuplexStreamed = 4

  /// The first message of a stream: headers, an empty metadata context and the protocol configuration.
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

  /// The engine's response headers.
  static func responseHeaders(_ headers: [(name: String, value: String)], into buffer: inout ByteBuffer) {
    buffer.writeGRPCMessage { message in
      message.writeField(Field.responseHeaders) { write(headers, into: &$0) }
    }
  }

  /// A chunk of the request body; Envoy ends a body with an empty chunk that carries the end.
  static func requestBody(_ chunk: ByteBuffer, endOfStream: Bool = false, into buffer: inout ByteBuffer) {
    writeBody(Field.requestBody, chunk, endOfStream, into: &buffer)
  }

  /// A chunk of the response body.
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

  /// `HttpHeaders`; values go into `raw_value`, where Envoy puts them.
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
