import EPPDataLayer
import EPPTestKit
import Testing

@Suite struct HTTPResponseParserTests {
  private struct Reading: Equatable {
    var status = 0
    var body = ""
    var isReusable: Bool?
    var error: HTTPResponseError?
    var rest = 0
  }

  /// Feeds a response in pieces, up to its end.
  private func read(_ text: String, piece: Int = .max, closes: Bool = false) -> Reading {
    var parser = HTTPResponseParser()
    var reading = Reading()
    let bytes = Array(text.utf8)
    var start = 0
    do throws(HTTPResponseError) {
      while start < bytes.count {
        let chunk = Array(bytes[start..<min(bytes.count, start + min(piece, bytes.count))])
        start += chunk.count
        var offset = 0
        events: while true {
          switch try unsafe parser.next(chunk.span.bytes, from: &offset) {
          case .needsBytes: break events
          case .head(let status): reading.status = status
          case .body(let range): reading.body += String(decoding: chunk[range], as: UTF8.self)
          case .end(let isReusable):
            reading.isReusable = isReusable
            reading.rest = bytes.count - start + chunk.count - offset
            return reading
          }
        }
      }
      if closes, case .end(let isReusable) = try parser.close() { reading.isReusable = isReusable }
    } catch {
      reading.error = error
    }
    return reading
  }

  @Test(arguments: [1, 2, 3, 7, 1000])
  func readsBodiesOfKnownLength(_ piece: Int) {
    let reading = read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", piece: piece)
    #expect(reading == Reading(status: 200, body: "hello", isReusable: true))
  }

  @Test(arguments: [1, 2, 5, 1000])
  func readsChunkedBodies(_ piece: Int) {
    let reading = read(
      "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n5\r\nhello\r\nA;x=y\r\n, world!!!\r\n0\r\nT: u\r\n\r\n",
      piece: piece)
    #expect(reading == Reading(status: 200, body: "hello, world!!!", isReusable: true))
  }

  @Test func readsBodiesThatEndWithTheConnection() {
    #expect(
      read("HTTP/1.0 200 OK\r\n\r\nhello", closes: true) == Reading(status: 200, body: "hello", isReusable: false))
  }

  @Test func saysWhetherTheConnectionCanBeReused() {
    #expect(read("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: x, Close\r\n\r\n").isReusable == false)
    #expect(read("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").isReusable == false)
    #expect(read("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n").isReusable == true)
  }

  @Test func skipsInterimResponses() {
    #expect(
      read("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx")
        == Reading(status: 200, body: "x", isReusable: true))
  }

  @Test func emptyStatusesHaveNoBody() {
    #expect(read("HTTP/1.1 204 No Content\r\n\r\n") == Reading(status: 204, isReusable: true))
  }

  @Test func leavesWhatFollowsTheResponse() {
    #expect(read("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP").rest == 4)
  }

  @Test(
    arguments: [
      ("HTTP/2 200 OK\r\n\r\n", .malformedStatusLine),
      ("HTTP/1.1 2x0 OK\r\n\r\n", .malformedStatusLine),
      ("HTTP/1.1 099 OK\r\n\r\n", .malformedStatusLine),
      ("HTTP/1.1 101 Switching\r\n\r\n", .malformedStatusLine),
      ("garbage\r\n", .malformedStatusLine),
      ("HTTP/1.1 200 OK\n\n", .malformedHeader),
      ("HTTP/1.1 200 OK\r\nno colon\r\n\r\n", .malformedHeader),
      ("HTTP/1.1 200 OK\r\n folded: x\r\n\r\n", .malformedHeader),
      ("HTTP/1.1 200 OK\r\nspace : x\r\n\r\n", .malformedHeader),
      ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", .contradictoryLength),
      ("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", .contradictoryLength),
      ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", .contradictoryLength),
      ("HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n", .bodyTooLarge),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", .unsupportedEncoding),
      ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", .unsupportedEncoding),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", .malformedChunk),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", .malformedChunk),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n", .malformedChunk),
      ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffff\r\n", .bodyTooLarge),
    ] as [(String, HTTPResponseError)])
  func refusesWhatIsNotAResponse(_ text: String, _ error: HTTPResponseError) {
    #expect(read(text).error == error)
  }

  @Test func headersAreBounded() {
    let text = "HTTP/1.1 200 OK\r\n" + String(repeating: "X: yyyyyyyyyyyyyyyyyyyyyyyyy\r\n", count: 1000)
    #expect(read(text).error == .headTooLarge)
    #expect(read(text, piece: 10).error == .headTooLarge)
    #expect(read(String(repeating: "x", count: 20000)).error == .headTooLarge)
  }

  @Test func closeInTheMiddleIsAnError() {
    #expect(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", closes: true).error == .truncated)
    #expect(read("HTTP/1.1 200 OK\r\n", closes: true).error == .truncated)
  }

  @Test func readsOneResponseAfterTheOther() throws {
    var parser = HTTPResponseParser()
    let bytes = Array("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na".utf8)
    for _ in 0..<3 {
      var offset = 0
      #expect(try unsafe parser.next(bytes.span.bytes, from: &offset) == .head(status: 200))
      #expect(try unsafe parser.next(bytes.span.bytes, from: &offset) == .body(38..<39))
      #expect(try unsafe parser.next(bytes.span.bytes, from: &offset) == .end(isReusable: true))
    }
  }

  @Test(arguments: 0..<8)
  func mutatedResponsesNeverTrap(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let originals = [
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    ]
    for _ in 0..<2000 {
      var bytes = Array(originals[Int.random(in: 0...1, using: &generator)].utf8)
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...127, using: &generator)
      }
      let text = String(decoding: bytes, as: UTF8.self)
      let whole = read(text)
      #expect(read(text, piece: 3).error == whole.error)
    }
  }
}
