import EPPCore
import EPPRequests
import Foundation
import Testing

@Suite struct ModelRewriteTests {
  @Test(arguments: ["other", "", "a much longer name than before", "quo\"te \\ \u{1}\n\t é 😀 \u{7F}"])
  func theNewNameIsReadBack(_ name: String) throws {
    let body = #"{ "messages":[{"role":"user","content":"\"model\":\"m\""}], "model" : "m" , "stream":true}"#
    var request = try ParsedRequest(.chatCompletions, body).request
    request.targetModel = name
    let rewrite = try #require(ModelRewrite(request))
    let bytes = Array(body.utf8)
    let changed = Array(bytes[rewrite.prefix]) + rewrite.replacement + Array(bytes[rewrite.suffix])
    var expected = try #require(JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any])
    expected["model"] = name
    let read = try #require(JSONSerialization.jsonObject(with: Data(changed)) as? [String: Any])
    #expect(NSDictionary(dictionary: read) == NSDictionary(dictionary: expected))
  }

  @Test func theLastOfSeveralNamesIsReplaced() throws {
    var request = try ParsedRequest(.completions, #"{"model":"a","prompt":"p","model":"b"}"#).request
    request.targetModel = "c"
    #expect(ModelRewrite(request)?.prefix == 0..<34)
    #expect(ModelRewrite(request)?.suffix == 37..<38)
    #expect(ModelRewrite(request)?.range == 34..<37)
  }

  @Test func thereIsNothingToDoForTheSameName() throws {
    let request = try ParsedRequest(.completions, #"{"model":"a","prompt":"p"}"#).request
    #expect(ModelRewrite(request) == nil)
  }

  @Test func thereIsNothingToReplaceWithoutAName() {
    var request = InferenceRequest(api: .passthrough)
    request.targetModel = "a"
    #expect(ModelRewrite(request) == nil)
  }
}
