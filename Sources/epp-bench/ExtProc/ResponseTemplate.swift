import NIOCore

/// The encoded response of an engine: headers, equal chunks, a last chunk with the usage, the end.
struct ResponseTemplate: Sendable {
  /// gRPC frame of the headers.
  let headers: ByteBuffer
  /// gRPC frame of one chunk.
  let chunk: ByteBuffer
  /// gRPC frames of the last chunk and of the empty chunk that ends the body.
  let lastChunk: ByteBuffer
  /// gRPC frame of the empty chunk that ends the body.
  let end: ByteBuffer
  /// Body bytes of one chunk.
  let chunkBytes: Int
  /// Body bytes of the last chunk.
  let lastChunkBytes: Int
  private let chunkBody: ByteBuffer
  private let lastChunkBody: ByteBuffer

  /// Encodes the response.
  ///
  /// - Parameter streams: Whether the response is a stream of events; else it is one JSON document.
  init(api: RequestAPI, model: String, streams: Bool) {
    let object = api == .chat ? "chat.completion" : "text_completion"
    let usage = #""usage":{"prompt_tokens":256,"completion_tokens":64,"total_tokens":320}"#
    let start = #"{"id":"cmpl-5d1f","object":"\#(object)","created":1700000000,"model":"\#(model)","choices":"#
    if streams {
      chunkBody = ByteBuffer(
        string: "data: " + start + #"[{"index":0,"text":" word","logprobs":null,"finish_reason":null}]}"# + "\n\n")
      lastChunkBody = ByteBuffer(string: "data: " + start + "[]," + usage + "}\n\ndata: [DONE]\n\n")
    } else {
      chunkBody = ByteBuffer()
      lastChunkBody = ByteBuffer(
        string: start + #"[{"index":0,"text":" some words as an answer","logprobs":null,"finish_reason":"length"}],"#
          + usage + "}")
    }
    chunkBytes = chunkBody.readableBytes
    lastChunkBytes = lastChunkBody.readableBytes

    var headers = ByteBuffer()
    ProcessingMessages.responseHeaders(
      [
        (":status", "200"), ("date", "Mon, 05 Jan 2026 10:00:00 GMT"), ("server", "uvicorn"),
        ("content-type", streams ? "text/event-stream; charset=utf-8" : "application/json"),
        ("x-envoy-upstream-service-time", "12"),
      ], into: &headers)
    self.headers = headers
    var chunk = ByteBuffer()
    ProcessingMessages.responseBody(chunkBody, into: &chunk)
    self.chunk = chunk
    var end = ByteBuffer()
    ProcessingMessages.responseBody(ByteBuffer(), endOfStream: true, into: &end)
    self.end = end
    var lastChunk = ByteBuffer()
    ProcessingMessages.responseBody(lastChunkBody, into: &lastChunk)
    lastChunk.writeImmutableBuffer(end)
    self.lastChunk = lastChunk
  }

  /// Returns the body of a response of `chunks` chunks, to be compared with the body that comes back.
  func body(chunks: Int) -> ByteBuffer {
    var body = ByteBuffer()
    for _ in 1..<max(1, chunks) { body.writeImmutableBuffer(chunkBody) }
    body.writeImmutableBuffer(lastChunkBody)
    return body
  }
}
