import CEnvoyProto
import CProtobufC
import EPPCore
import EPPExtProc
import Testing

@testable import EPPGRPCServer

/// What the encoder writes, read back with protobuf-c.
@Suite struct ProcessingResponseEncoderTests {
  private typealias Response = Envoy__Service__ExtProc__V3__ProcessingResponse

  private func read<Result>(_ bytes: [UInt8], _ body: (Response) throws -> Result) throws -> Result {
    let message = try unsafe #require(
      unsafe bytes.withUnsafeBufferPointer {
        unsafe envoy__service__ext_proc__v3__processing_response__unpack(nil, $0.count, $0.baseAddress)
      })
    defer { unsafe envoy__service__ext_proc__v3__processing_response__free_unpacked(message, nil) }
    return try unsafe body(message.pointee)
  }

  private func text(_ pointer: UnsafeMutablePointer<CChar>?) -> String {
    unsafe pointer.map { unsafe String(cString: $0) } ?? ""
  }

  private func bytes(_ data: ProtobufCBinaryData) -> [UInt8] {
    unsafe Array(UnsafeBufferPointer(start: data.data, count: data.len))
  }

  /// Set headers of a mutation as `name=value/action`, removed ones as `-name`.
  private func changes(_ mutation: UnsafeMutablePointer<Envoy__Service__ExtProc__V3__HeaderMutation>?) -> [String] {
    guard let mutation = unsafe mutation?.pointee else { return [] }
    var result: [String] = []
    for index in 0..<(unsafe mutation.n_set_headers) {
      guard let option = unsafe mutation.set_headers[index]?.pointee, let header = unsafe option.header?.pointee else {
        continue
      }
      let value = unsafe String(decoding: bytes(header.raw_value), as: UTF8.self)
      unsafe result.append("\(text(header.key))=\(value)/\(option.append_action.rawValue)")
    }
    for index in 0..<(unsafe mutation.n_remove_headers) {
      unsafe result.append("-\(text(mutation.remove_headers[index]))")
    }
    return result
  }

  private var decision: RoutingDecision {
    var decision = RoutingDecision(destination: "10.0.0.7:8000,10.0.0.8:8000")
    decision.setHeaders = [.init(name: "content-length", value: "1234")]
    decision.removedHeaders = ["x-prefiller-host-port"]
    decision.scores = [.init(destination: "10.0.0.7:8000", score: 0.75)]
    return decision
  }

  @Test func metadataMayStandBehindAReply() throws {
    var encoder = ProcessingResponseEncoder()
    let reply = encoder.unchanged(bodyOf: .response)
    let metadata = encoder.metadata([
      ReportedAttribute(namespace: "envoy.lb", name: "x-cost", value: 26),
      ReportedAttribute(namespace: "envoy.lb", name: "x-other", value: 0.5),
    ])
    try read(reply + metadata) { response in
      unsafe #expect(
        response.response_case == ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_RESPONSE__RESPONSE_RESPONSE_BODY)
      let fields = try unsafe #require(response.dynamic_metadata?.pointee)
      unsafe #expect(fields.n_fields == 1)
      let namespace = try unsafe #require(fields.fields[0]?.pointee)
      unsafe #expect(text(namespace.key) == "envoy.lb")
      let values = try unsafe #require(namespace.value?.pointee.struct_value?.pointee)
      unsafe #expect(values.n_fields == 2)
      let value = try unsafe #require(values.fields[0]?.pointee)
      unsafe #expect(text(value.key) == "x-cost" && value.value?.pointee.number_value == 26)
    }
  }

  @Test func theDecisionOverwritesItsHeaderAndTravelsAsMetadataToo() throws {
    var encoder = ProcessingResponseEncoder()
    try read(encoder.decisionInHeaders(decision)) { response in
      unsafe #expect(
        response.response_case == ENVOY__SERVICE__EXT_PROC__V3__PROCESSING_RESPONSE__RESPONSE_REQUEST_HEADERS)
      let common = try unsafe #require(response.request_headers?.pointee.response?.pointee)
      unsafe #expect(common.clear_route_cache != 0)
      unsafe #expect(
        changes(common.header_mutation) == [
          "x-gateway-destination-endpoint=10.0.0.7:8000,10.0.0.8:8000/2", "content-length=1234/2",
          "-x-prefiller-host-port",
        ])
      let namespace = try unsafe #require(response.dynamic_metadata?.pointee.fields[0]?.pointee)
      unsafe #expect(text(namespace.key) == "envoy.lb")
      let fields = try unsafe #require(namespace.value?.pointee.struct_value?.pointee)
      unsafe #expect(fields.n_fields == 2)
      unsafe #expect(text(fields.fields[0]?.pointee.key) == "x-gateway-destination-endpoint")
      unsafe #expect(text(fields.fields[0]?.pointee.value?.pointee.string_value) == "10.0.0.7:8000,10.0.0.8:8000")
      let scores = try unsafe #require(fields.fields[1]?.pointee.value?.pointee.struct_value?.pointee)
      unsafe #expect(text(scores.fields[0]?.pointee.key) == "10.0.0.7:8000")
      unsafe #expect(scores.fields[0]?.pointee.value?.pointee.number_value == 0.75)
    }
  }

  @Test func aBufferedBodyIsReplacedOnlyWhenItWasRewritten() throws {
    var encoder = ProcessingResponseEncoder()
    try read(encoder.decisionInBody(decision, body: nil)) { response in
      let common = try unsafe #require(response.request_body?.pointee.response?.pointee)
      unsafe #expect(common.body_mutation == nil)
      unsafe #expect(changes(common.header_mutation).count == 3)
    }
    try read(encoder.decisionInBody(decision, body: [1, 2, 3])) { response in
      let common = try unsafe #require(response.request_body?.pointee.response?.pointee)
      let mutation = try unsafe #require(common.body_mutation?.pointee)
      unsafe #expect(mutation.mutation_case == ENVOY__SERVICE__EXT_PROC__V3__BODY_MUTATION__MUTATION_BODY)
      unsafe #expect(bytes(mutation.body) == [1, 2, 3])
    }
  }

  @Test(arguments: [0, 1, 100, 127, 128, 16_000, 62_000, 2_100_000])
  func aStreamedPieceIsItsPrefixAndItsBytes(count: Int) throws {
    let content = Array(repeating: UInt8(7), count: count)
    for direction in [MessageDirection.request, .response] {
      for endOfStream in [false, true] {
        let prefix = ProcessingResponseEncoder.streamedBodyPrefix(
          direction, byteCount: count, endOfStream: endOfStream)
        try read(prefix + content) { response in
          let body = unsafe direction == .request ? response.request_body : response.response_body
          let mutation = try unsafe #require(body?.pointee.response?.pointee.body_mutation?.pointee)
          let streamed = try unsafe #require(mutation.streamed_response?.pointee)
          unsafe #expect(streamed.body.len == count)
          unsafe #expect((streamed.end_of_stream != 0) == endOfStream)
        }
      }
    }
  }

  @Test func anImmediateAnswerHasStatusHeadersAndBody() throws {
    var encoder = ProcessingResponseEncoder()
    let message = encoder.immediate(
      ImmediateAnswer(
        status: 503, headers: [.init(name: "content-type", value: "application/json")], body: [0x7B, 0x7D],
        details: "why"))
    try read(message) { response in
      let answer = try unsafe #require(response.immediate_response?.pointee)
      unsafe #expect(answer.status?.pointee.code == 503)
      unsafe #expect(changes(answer.headers) == ["content-type=application/json/2"])
      unsafe #expect(bytes(answer.body) == [0x7B, 0x7D])
      unsafe #expect(text(answer.details) == "why")
    }
  }

  @Test func answersThatChangeNothingAreNearlyEmpty() throws {
    var encoder = ProcessingResponseEncoder()
    #expect(encoder.unchanged(headersOf: .response) == [0x12, 0x02, 0x0A, 0x00])
    #expect(encoder.unchanged(bodyOf: .request) == [0x1A, 0x02, 0x0A, 0x00])
    #expect(encoder.trailers(of: .response) == [0x32, 0x00])
  }
}
