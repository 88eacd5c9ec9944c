import EPPCore
import EPPRequests

/// What a prefill engine's answer says for the decode engine and the client.
struct PrefillResult {
  /// `kv_transfer_params` as JSON text; nil where the answer has none.
  let transferParameters: [UInt8]?
  /// Tokens of the prompt that were in the engine's cache; 0 where it does not say, as vLLM leaves the number out at 0.
  let cachedTokens: Int

  /// Reads an answer; nil when it is no JSON object.
  init?(_ answer: RawSpan) {
    guard let object = try? JSONObjectEdit(answer) else { return nil }
    transferParameters = object.value("kv_transfer_params").map { range in
      unsafe answer.extracting(range).withUnsafeBytes { unsafe Array($0) }
    }
    var scanner = UsageScanner(.json)
    scanner.feed(answer)
    cachedTokens = scanner.usage?.cachedTokens ?? 0
  }
}
