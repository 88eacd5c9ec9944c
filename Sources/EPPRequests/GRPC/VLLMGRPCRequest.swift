import EPPCore

/// A request of vLLM's gRPC API (`vllm.grpc.engine.VllmEngine`), which names no model: a text or token ids, and what affects the use
/// of the engine's cache.
struct VLLMGRPCRequest {
  /// Completions that the client asks for (`sampling_params.n`).
  private(set) var choices = 1
  /// Whether log probabilities of the prompt's tokens are asked for.
  private(set) var readsNoCache = false

  // Numbers of fields.
  private static let tokenized = 2
  private static let text = 3
  private static let samplingParameters = 4
  private static let inputIDs = 2
  private static let choiceCount = 15
  private static let promptLogprobs = 23

  /// Reads the body of a `GenerateRequest` or an `EmbedRequest`, which has the same fields or fewer.
  ///
  /// - Parameter prompt: filled with the prompt; empty where there is none or it cannot be read.
  init(_ body: RawSpan, _ prompt: inout CanonicalPrompt) {
    guard let message = GRPCMessage.first(body) else { return }
    var reader = ProtobufReader(message)
    while let field = reader.next(body) {
      switch (field.number, field.value) {
      // The two are one `oneof`: the last one counts.
      case (Self.tokenized, .bytes(let range)):
        prompt.removeAll()
        if !Self.readTokens(body, range, &prompt) {
          prompt.removeAll()
          return
        }
      case (Self.text, .bytes(let range)):
        prompt.removeAll()
        unsafe body.extracting(range).withUnsafeBytes { unsafe prompt.bytes.append(contentsOf: $0) }
      case (Self.samplingParameters, .bytes(let range)): readSampling(body, range)
      default: break
      }
    }
    if reader.isBroken {
      prompt.removeAll()
      return
    }
    let count = prompt.isTokens ? prompt.tokens.count : prompt.bytes.count
    if count > 0 { prompt.prompts.append(0..<count) }
  }

  /// Reads a `TokenizedInput`; false when it is broken.
  private static func readTokens(_ body: RawSpan, _ range: Range<Int>, _ prompt: inout CanonicalPrompt) -> Bool {
    var reader = ProtobufReader(range)
    while let field = reader.next(body) {
      switch (field.number, field.value) {
      case (inputIDs, .number(let id)): prompt.tokens.append(UInt32(truncatingIfNeeded: id))
      case (inputIDs, .bytes(let list)):
        var ids = ProtobufReader(list)
        prompt.tokens.reserveCapacity(prompt.tokens.count + list.count / 2)
        while let id = ids.nextPacked(body) { prompt.tokens.append(UInt32(truncatingIfNeeded: id)) }
        if ids.isBroken { return false }
      default: break
      }
    }
    return !reader.isBroken
  }

  private mutating func readSampling(_ body: RawSpan, _ range: Range<Int>) {
    var reader = ProtobufReader(range)
    while let field = reader.next(body) {
      switch (field.number, field.value) {
      case (Self.choiceCount, .number(let count)): choices = max(1, Int(exactly: count) ?? 1)
      case (Self.promptLogprobs, .number): readsNoCache = true
      default: break
      }
    }
  }
}
