// fuzz: EPPCore EPPRequests
import EPPCore
import EPPRequests
import Foundation
import Glibc

/// Bodies of any bytes: no crash; what the cursor takes Foundation takes too; a rewritten model is read back; usage does not
/// depend on how an answer is cut.
///
/// The first byte chooses the API, the second where the answer is cut, the rest is the body.
func parseRequest(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 2 else { return 0 }
  let input = unsafe UnsafeBufferPointer(start: start, count: count)
  let apis: [InferenceAPI] = [
    .chatCompletions, .completions, .embeddings, .responses, .conversations, .imageGenerations, .messages,
    .messagesCountTokens,
  ]
  let api = unsafe apis[Int(input[0]) % apis.count]
  let cut = unsafe Int(input[1]) % (count - 1)
  let body = unsafe Array(input[2...])

  compareWithFoundation(body)
  rewriteModel(api, body)
  for api in [InferenceAPI.vllmGRPCGenerate, .vllmGRPCEmbed] {
    var prompt = CanonicalPrompt()
    _ = unsafe try? RequestParser().parse(api: api, body: body.span.bytes, prompt: &prompt)
    precondition(prompt.prompts.allSatisfy { $0.upperBound <= max(prompt.bytes.count, prompt.tokens.count) })
  }
  let answers: [(InferenceAPI, Bool)] = [
    (.completions, false), (.completions, true), (.vllmGRPCGenerate, false), (.vllmGRPCEmbed, false),
  ]
  for (api, isEventStream) in answers {
    var whole = AnswerScanner(api, isEventStream: isEventStream)
    unsafe whole.feed(body.span.bytes)
    var pieces = AnswerScanner(api, isEventStream: isEventStream)
    unsafe pieces.feed(Array(body[..<cut]).span.bytes)
    unsafe pieces.feed(Array(body[cut...]).span.bytes)
    precondition(whole.usage == pieces.usage, "usage depends on the cut")
  }
  return 0
}

/// One way only: Foundation takes commas before a closing bracket, and UTF-16. Where there are digits it may refuse numbers
/// that its types cannot hold, and a surrogate that stands alone is taken by engines and not by Foundation.
func compareWithFoundation(_ body: [UInt8]) {
  do {
    var cursor = unsafe JSONCursor(body.span.bytes)
    try unsafe cursor.skipValue(body.span.bytes)
    try unsafe cursor.finish(body.span.bytes)
  } catch {
    return
  }
  if body.contains(where: { (0x30...0x39).contains($0) }) { return }
  // Foundation goes 512 levels deep.
  if body.count(where: { $0 == UInt8(ascii: "[") || $0 == UInt8(ascii: "{") }) > 500 { return }
  if String(decoding: body, as: UTF8.self).lowercased().contains("\\ud") { return }
  let isAccepted = (try? JSONSerialization.jsonObject(with: Data(body), options: .fragmentsAllowed)) != nil
  precondition(isAccepted, "the cursor accepts what Foundation refuses")
}

func rewriteModel(_ api: InferenceAPI, _ body: [UInt8]) {
  var prompt = CanonicalPrompt()
  guard var request = try? unsafe RequestParser().parse(api: api, body: body.span.bytes, prompt: &prompt) else {
    return
  }
  let upperBound = prompt.isTokens ? prompt.tokens.count : prompt.bytes.count
  for range in prompt.prompts { precondition(range.upperBound <= upperBound, "a prompt beyond its bytes") }
  request.targetModel = "other \"model\" \\ é"
  guard let rewrite = ModelRewrite(request) else { return }
  let rewritten = Array(body[..<rewrite.range.lowerBound]) + rewrite.replacement + body[rewrite.range.upperBound...]
  var again = CanonicalPrompt()
  guard let second = try? unsafe RequestParser().parse(api: api, body: rewritten.span.bytes, prompt: &again) else {
    preconditionFailure("a rewritten body is not read")
  }
  precondition(second.model == request.targetModel, "the rewritten model is not read back")
  precondition(again.bytes == prompt.bytes && again.tokens == prompt.tokens, "the rewrite changed the prompt")
}

/// libFuzzer's driver. SwiftPM makes the main function of an executable, so the driver is called instead of linked as main.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ target: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

var argumentCount = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
exit(unsafe runFuzzer(&argumentCount, &arguments, { unsafe parseRequest($0, $1) }))
