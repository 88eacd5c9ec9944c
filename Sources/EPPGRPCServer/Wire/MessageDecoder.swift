import CEnvoyProto
import CProtobufC
import EPPCore
import EPPExtProc

#if canImport(Glibc)
  import Glibc
#endif

/// Decodes messages with protobuf-c: headers, trailers, metadata, and bodies that `BodyFrame` does not read.
///
/// Use it on one worker thread only.
final class MessageDecoder {
  /// Bytes of the largest message without a body that is decoded. Envoy accepts 64 KiB of headers by default.
  static let maximumMessageBytes = 1 << 20

  private typealias Request = Envoy__Service__ExtProc__V3__ProcessingRequest

  private let arena = MessageArena(maximumBytes: 16 << 20)
  private let interest: HeaderInterest

  init(interest: HeaderInterest) { self.interest = interest }

  /// Decodes a `ProcessingRequest`: returns the message and its metadata. Nil when the bytes are not such a message.
  func decode(_ bytes: RawSpan) -> (DecodedMessage, GatewayMetadata)? {
    defer { arena.removeAll() }
    return unsafe arena.withAllocator { allocator in
      guard
        let request = unsafe bytes.withUnsafeBytes({ bytes in
          unsafe envoy__service__ext_proc__v3__processing_request__unpack(
            allocator, bytes.count, bytes.bindMemory(to: UInt8.self).baseAddress)
        })
      else { return nil }
      guard let message = unsafe message(request) else { return nil }
      return (message, unsafe metadata(request.pointee.metadata_context))
    }
  }

  /// Decodes the metadata of a body frame; nil when it is malformed.
  func decodeMetadata(_ bytes: [UInt8]) -> GatewayMetadata? {
    defer { arena.removeAll() }
    return unsafe arena.withAllocator { allocator in
      let metadata = unsafe bytes.withUnsafeBufferPointer {
        unsafe envoy__config__core__v3__metadata__unpack(allocator, $0.count, $0.baseAddress)
      }
      guard let metadata = unsafe metadata else { return nil }
      return unsafe self.metadata(metadata)
    }
  }

  private func message(_ request: UnsafeMutablePointer<Request>) -> DecodedMessage? {
    switch unsafe request.pointee.request_case {
    case ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_REQUEST__REQUEST_REQUEST_HEADERS:
      guard let headers = unsafe request.pointee.request_headers else { return nil }
      return .message(.requestHeaders(unsafe requestHead(headers, request)))
    case ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_REQUEST__REQUEST_RESPONSE_HEADERS:
      guard let headers = unsafe request.pointee.response_headers else { return nil }
      return .message(.responseHeaders(unsafe responseHead(headers, request)))
    case ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_REQUEST__REQUEST_REQUEST_BODY:
      guard let body = unsafe request.pointee.request_body else { return nil }
      return .body(
        .request, payload: unsafe Self.bytes(body.pointee.body), endOfStream: unsafe body.pointee.end_of_stream != 0)
    case ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_REQUEST__REQUEST_RESPONSE_BODY:
      guard let body = unsafe request.pointee.response_body else { return nil }
      return .body(
        .response, payload: unsafe Self.bytes(body.pointee.body), endOfStream: unsafe body.pointee.end_of_stream != 0)
    case ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_REQUEST__REQUEST_REQUEST_TRAILERS:
      return .message(.requestTrailers)
    case ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_REQUEST__REQUEST_RESPONSE_TRAILERS:
      return .message(.responseTrailers)
    default:
      return nil
    }
  }

  private func requestHead(
    _ message: UnsafeMutablePointer<Envoy__Service__ExtProc__V3__HttpHeaders>, _ request: UnsafeMutablePointer<Request>
  ) -> RequestHead {
    var head = RequestHead()
    head.endOfStream = unsafe message.pointee.end_of_stream != 0
    head.configuration = unsafe configuration(request.pointee.protocol_config)
    unsafe forEachHeader(message.pointee.headers) { key, value in
      if let name = unsafe interest.name(key) {
        unsafe head.headers.append(name: name, value: String(decoding: value, as: UTF8.self))
      }
    }
    head.sourceAddress = unsafe sourceAddress(request)
    return head
  }

  private func responseHead(
    _ message: UnsafeMutablePointer<Envoy__Service__ExtProc__V3__HttpHeaders>, _ request: UnsafeMutablePointer<Request>
  ) -> ResponseHead {
    var head = ResponseHead()
    head.endOfStream = unsafe message.pointee.end_of_stream != 0
    head.configuration = unsafe configuration(request.pointee.protocol_config)
    unsafe forEachHeader(message.pointee.headers) { key, value in
      switch key.count {
      case 7 where unsafe Self.equals(key, ":status"):
        head.status = unsafe Int(String(decoding: value, as: UTF8.self))
      case 12 where unsafe Self.equals(key, "content-type"):
        let type = unsafe String(decoding: value, as: UTF8.self).lowercased()
        head.isEventStream = type.hasPrefix("text/event-stream")
        head.isJSON = type.hasPrefix("application/json")
      case 16 where unsafe Self.equals(key, "content-encoding"):
        head.isEncoded = unsafe !value.isEmpty && !Self.equals(value, "identity")
      default:
        break
      }
    }
    return head
  }

  /// Calls `body` with name and value of each header. The value is `raw_value`, or the older `value` when that is empty.
  private func forEachHeader(
    _ map: UnsafeMutablePointer<Envoy__Config__Core__V3__HeaderMap>?,
    _ body: (UnsafeBufferPointer<UInt8>, UnsafeBufferPointer<UInt8>) -> Void
  ) {
    guard let map = unsafe map, let headers = unsafe map.pointee.headers else { return }
    for index in 0..<(unsafe map.pointee.n_headers) {
      guard let header = unsafe headers[index], let key = unsafe header.pointee.key else { continue }
      let raw = unsafe header.pointee.raw_value
      let value =
        if unsafe raw.len > 0 {
          unsafe UnsafeBufferPointer(start: raw.data, count: raw.len)
        } else {
          unsafe Self.cString(header.pointee.value)
        }
      unsafe body(Self.cString(key), value)
    }
  }

  private func configuration(
    _ message: UnsafeMutablePointer<Envoy__Service__ExtProc__V3__ProtocolConfiguration>?
  ) -> ProtocolConfiguration? {
    guard let message = unsafe message else { return nil }
    // A mode that is newer than this code is taken for the one that the protocol asks for.
    return ProtocolConfiguration(
      requestBody: BodyMode(rawValue: Int(unsafe message.pointee.request_body_mode.rawValue)) ?? .fullDuplexStreamed,
      responseBody: BodyMode(rawValue: Int(unsafe message.pointee.response_body_mode.rawValue)) ?? .fullDuplexStreamed)
  }

  private func metadata(_ message: UnsafeMutablePointer<Envoy__Config__Core__V3__Metadata>?) -> GatewayMetadata {
    var result = GatewayMetadata()
    guard let message = unsafe message, let entries = unsafe message.pointee.filter_metadata else { return result }
    for index in 0..<(unsafe message.pointee.n_filter_metadata) {
      guard let entry = unsafe entries[index] else { continue }
      let key = unsafe Self.cString(entry.pointee.key)
      if unsafe Self.equals(key, MetadataNamespace.subsetHint) {
        let reader = unsafe StructReader(Self.bytes(entry.pointee.value))
        result.subset = reader.value(HeaderName.destinationEndpointSubset).map(Self.subset)
      } else if unsafe Self.equals(key, MetadataNamespace.loadBalancing) {
        let reader = unsafe StructReader(Self.bytes(entry.pointee.value))
        if case .string(let served) = reader.value(HeaderName.destinationEndpointServed) { result.served = served }
      }
    }
    return result
  }

  /// Reads a subset hint, which gateways send as a list or as one string with commas.
  private static func subset(_ value: StructReader.Value) -> SubsetHint {
    let entries =
      switch value {
      case .strings(let list): list
      case .string(let text): text.split(separator: ",").map(String.init)
      }
    return .only(entries.map { String($0.trimmed) }.filter { !$0.isEmpty })
  }

  /// Returns the host of the attribute `source.address`, which is `ip:port`, `[ipv6]:port` or an address without port.
  private func sourceAddress(_ request: UnsafeMutablePointer<Request>) -> String? {
    guard let entries = unsafe request.pointee.attributes else { return nil }
    for index in 0..<(unsafe request.pointee.n_attributes) {
      guard let entry = unsafe entries[index] else { continue }
      let reader = unsafe StructReader(Self.bytes(entry.pointee.value))
      if case .string(let address) = reader.value("source.address") {
        return EndpointAddress(address)?.host ?? address
      }
    }
    return nil
  }

  private static func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
    unsafe Array(UnsafeBufferPointer(start: data.data, count: data.len))
  }

  private static func cString(_ text: UnsafeMutablePointer<CChar>?) -> UnsafeBufferPointer<UInt8> {
    guard let text = unsafe text else { return unsafe UnsafeBufferPointer(start: nil, count: 0) }
    return unsafe UnsafeBufferPointer(
      start: UnsafeRawPointer(text).assumingMemoryBound(to: UInt8.self), count: strlen(text))
  }

  private static func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard bytes.count == count, count > 0, let start = bytes.baseAddress else { return false }
    return unsafe memcmp(start, text.utf8Start, count) == 0
  }

  private static func equals(_ bytes: UnsafeBufferPointer<UInt8>, _ text: String) -> Bool {
    unsafe bytes.elementsEqual(text.utf8)
  }
}

/// A `ProcessingRequest` that `MessageDecoder` has decoded.
enum DecodedMessage {
  /// A message without a body.
  case message(ReceivedMessage)
  /// A body chunk that `BodyFrame` does not read, with a copy of its bytes.
  case body(MessageDirection, payload: [UInt8], endOfStream: Bool)
}
