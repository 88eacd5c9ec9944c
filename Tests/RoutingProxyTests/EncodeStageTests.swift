import EPPCore
import RoutingProxy
import Testing

@Suite struct EncodeStageTests {
  private static let chat =
    #"{"model":"m","max_tokens":9,"n":2,"stream":true,"messages":[{"role":"system","content":"s"},"#
    + #"{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image_url","image_url":{"url":"http://a/1.png"}},"#
    + #"{"type":"image_url","image_url":{"url":"http://a/1.png"}},{"type":"input_audio","input_audio":{"data":"AA"}}]}]}"#

  private static func stage(_ body: String, _ kind: EncodeConnectorKind = .nixl, engines: Int = 2) throws
    -> EncodeStage?
  {
    try EncodeStage(Array(body.utf8), kind, engines: engines)
  }

  private static func ended(_ stage: inout EncodeStage, _ answer: String?) -> EncodeStage.Step {
    guard let answer else { return stage.ended(nil) }
    let bytes = Array(answer.utf8)
    return unsafe stage.ended(bytes.span.bytes)
  }

  @Test func eachItemIsARequestOfItsOwn() throws {
    var stage = try #require(try Self.stage(Self.chat))
    let asks = stage.start()
    #expect(asks.map(\.engine) == [0, 1] && asks.map(\.item) == [0, 1])
    #expect(
      asks.map { String(decoding: $0.body, as: UTF8.self) } == [
        #"{"model":"m","max_tokens":1,"n":1,"stream":false,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://a/1.png"}}]}],"max_completion_tokens":1}"#,
        #"{"model":"m","max_tokens":1,"n":1,"stream":false,"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AA"}}]}],"max_completion_tokens":1}"#,
      ])
    var single = try #require(try Self.stage(Self.chat, engines: 1))
    #expect(single.start().map(\.engine) == [0, 0])
  }

  @Test func whatTheAnswersSayIsSentOn() throws {
    var stage = try #require(try Self.stage(Self.chat))
    _ = stage.start()
    #expect(Self.ended(&stage, #"{"ec_transfer_params":{"h1":{"port":1}}}"#) == .wait)
    #expect(Self.ended(&stage, #"{"ec_transfer_params":{"h2":{"port":2}}}"#) == .complete)
    #expect(stage.failures == 0)
    #expect(
      String(decoding: stage.encodedBody, as: UTF8.self)
        == Self.chat.dropLast() + #","ec_transfer_params":{"h1":{"port":1},"h2":{"port":2}}}"#)
  }

  @Test(arguments: [nil, "garbage", "{}", #"{"ec_transfer_params":null}"#, #"{"ec_transfer_params":[]}"#])
  func withoutThemTheBodyStaysAsItIs(_ answer: String?) throws {
    var stage = try #require(try Self.stage(Self.chat))
    _ = stage.start()
    #expect(Self.ended(&stage, answer) == .wait)
    #expect(Self.ended(&stage, answer) == .complete)
    #expect(stage.encodedBody == Array(Self.chat.utf8))
    #expect(stage.failures == (answer == nil ? 2 : 0))
    var shared = try #require(try Self.stage(Self.chat, .example))
    _ = Self.ended(&shared, #"{"ec_transfer_params":{"h1":1}}"#)
    #expect(shared.encodedBody == Array(Self.chat.utf8))
  }

  private static func album(_ count: Int) -> String {
    let items = (0..<count).map { #"{"type":"image_url","image_url":{"url":"http://a/\#($0)"}}"# }
    return #"{"messages":[{"role":"user","content":["# + items.joined(separator: ",") + "]}]}"
  }

  @Test func fewRequestsAreOpenAtATime() throws {
    let count = 3 * EncodeStage.maximumOpen
    var stage = try #require(try Self.stage(Self.album(count), engines: 3))
    var open = stage.start()
    var items = open.map(\.item)
    #expect(open.count == EncodeStage.maximumOpen)
    while !open.isEmpty {
      let engine = open.removeFirst().engine
      #expect((0..<3).contains(engine))
      switch Self.ended(&stage, "{}") {
      case .ask(let ask):
        open.append(ask)
        items.append(ask.item)
      case .wait: #expect(!open.isEmpty)
      case .complete: #expect(open.isEmpty)
      }
    }
    #expect(items == Array(0..<count))
  }

  @Test func aChatMayNotHaveAnyNumberOfItems() throws {
    #expect(try Self.stage(Self.album(EncodeStage.maximumItems)) != nil)
    #expect(throws: EncodeStage.Problem.tooManyItems) { try Self.stage(Self.album(EncodeStage.maximumItems + 1)) }
  }

  @Test(arguments: [
    "{}", #"{"messages":[]}"#, #"{"messages":[{"role":"user","content":"text"}]}"#, #"{"messages":5}"#,
    #"{"messages":[{"content":[{"type":"text","text":"a"},5,{"type":7}]}]}"#,
  ])
  func textNeedsNoSuchStage(_ body: String) throws {
    #expect(try Self.stage(body) == nil)
  }
}
