import EPPCore
import EPPRequests
import RoutingProxy
import Testing

/// Bodies are changed in the members that a connector needs; what the client wrote stays as it wrote it.
@Suite struct JSONObjectEditTests {
  private func edited(_ body: String, _ change: (inout JSONObjectEdit) -> Void) throws -> String {
    let bytes = Array(body.utf8)
    var edit = try unsafe JSONObjectEdit(bytes.span.bytes)
    change(&edit)
    return String(decoding: unsafe edit.bytes(bytes.span.bytes), as: UTF8.self)
  }

  @Test func untouchedMembersStayAsTheyWereWritten() throws {
    let body = #"{ "a" : 1.50e1 , "\u0062":[ 1,  {"x":null} ],"é":"\ud83d\ude00" }"#
    #expect(try edited(body) { _ in } == #"{"a" : 1.50e1,"\u0062":[ 1,  {"x":null} ],"é":"\ud83d\ude00"}"#)
    #expect(try edited(body) { $0.set("b", 2) } == #"{"a" : 1.50e1,"b":2,"é":"\ud83d\ude00"}"#)
    #expect(try edited(body) { $0.remove("a") } == #"{"\u0062":[ 1,  {"x":null} ],"é":"\ud83d\ude00"}"#)
  }

  @Test func newMembersAreTheLast() throws {
    #expect(try edited("{}") { $0.set("n", -3) } == #"{"n":-3}"#)
    #expect(try edited(#"{"a":1}"#) { $0.set("t", "q\"\n") } == #"{"a":1,"t":"q\"\n"}"#)
    #expect(try edited(#"{"a":1}"#) { $0.set("t", String?.none) } == #"{"a":1,"t":null}"#)
    #expect(try edited(#"{"a":1}"#) { $0.set("f", false) } == #"{"a":1,"f":false}"#)
  }

  /// Engines take the last of members with equal names, and so does the one that is written.
  @Test func aNameThatOccursTwiceIsWrittenOnce() throws {
    let body = #"{"stream":true,"a":1,"stream":false,"str\u0065am":true}"#
    #expect(try edited(body) { $0.set("stream", false) } == #"{"a":1,"stream":false}"#)
    #expect(try edited(body) { $0.remove("stream") } == #"{"a":1}"#)
    let bytes = Array(#"{"a":1,"a":[2]}"#.utf8)
    let edit = try unsafe JSONObjectEdit(bytes.span.bytes)
    #expect(edit.value("a") == 11..<14)
    #expect(edit.value("b") == nil)
    #expect(edit.contains("a") && !edit.contains("b"))
  }

  @Test(arguments: ["", "[]", "1", "null", #"{"a":1"#, #"{"a":1} x"#, #"{"a" 1}"#, "{\"a\":\u{1}}"])
  func otherBodiesAreNoObjects(_ body: String) {
    #expect(throws: JSONError.self) { try edited(body) { _ in } }
  }

  /// What is written is read back, whatever the client's members are.
  @Test func changesAreReadBack() throws {
    var random = SplitMix64(seed: 11)
    let names = ["a", "stream", "max_tokens", "k\u{e9}y", "\"quoted\"", "\\"]
    let values = ["1", "-0.5e+3", "\"t\\u0041\"", "null", "[[],{}]", "{\"a\":{\"a\":1}}", "true"]
    for _ in 0..<500 {
      var body: [UInt8] = Array("{".utf8)
      for index in 0..<Int.random(in: 0...5, using: &random) {
        if index > 0 { body += Array(" , ".utf8) }
        body.appendJSONString(names.randomElement(using: &random) ?? "")
        body += Array(" : \(values.randomElement(using: &random) ?? "")".utf8)
      }
      body += Array("}".utf8)
      var edit = try unsafe JSONObjectEdit(body.span.bytes)
      let changed = names.randomElement(using: &random) ?? ""
      let removed = names.first { $0 != changed } ?? ""
      edit.set(changed, 77)
      edit.remove(removed)
      let written = unsafe edit.bytes(body.span.bytes)
      let read = try unsafe JSONObjectEdit(written.span.bytes)
      let value = try #require(read.value(changed))
      #expect(Array(written[value]) == Array("77".utf8))
      #expect(!read.contains(removed))
      for name in names where name != changed && name != removed {
        let before = try unsafe JSONObjectEdit(body.span.bytes).value(name).map { Array(body[$0]) }
        #expect(read.value(name).map { Array(written[$0]) } == before)
      }
    }
  }
}
