import NIOCore
import NIOEmbedded
import NIOHTTP1
import RoutingProxy
import Testing

@Suite struct ProxyTests {
  private static let post = "POST /v1/completions HTTP/1.1\r\nHost: pod\r\nContent-Length: 2\r\n\r\n{}"
  private static let ok = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfine"

  @Test func aRequestAndItsAnswerPass() throws {
    let parts = try ProxyParts()
    try parts.send(Self.post)
    #expect(
      try parts.request() == "POST /v1/completions HTTP/1.1\r\nHost: pod\r\nContent-Length: 2\r\n"
        + "x-forwarded-for: 10.9.8.7\r\nx-forwarded-proto: http\r\nx-forwarded-host: pod\r\n\r\n{}")
    try parts.reply(Self.ok)
    #expect(try parts.answer() == Self.ok)
  }

  @Test func piecesPassAsTheyCome() throws {
    let parts = try ProxyParts()
    try parts.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    #expect(try parts.request().hasSuffix("\r\n\r\n3\r\nabc\r\n"))
    try parts.send("2\r\nde\r\n0\r\n\r\n")
    #expect(try parts.request() == "2\r\nde\r\n0\r\n\r\n")
    try parts.reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\ndata1\r\n")
    #expect(try parts.answer() == "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\ndata1\r\n")
    try parts.reply("5\r\ndata2\r\n")
    #expect(try parts.answer() == "5\r\ndata2\r\n")
    try parts.reply("0\r\n\r\n")
    #expect(try parts.answer() == "0\r\n\r\n")
    #expect(parts.client.isActive)
  }

  @Test func connectionsAreUsedAgainWhileTheyAreYoung() throws {
    let parts = try ProxyParts()
    for _ in 0..<2 {
      try parts.send(Self.post)
      _ = try parts.request()
      try parts.reply(Self.ok)
      #expect(try parts.answer() == Self.ok)
    }
    #expect(parts.engines.count == 1)
    parts.loop.advanceTime(by: .seconds(4))
    #expect(!parts.engines[0].isActive)
    try parts.send(Self.post)
    #expect(parts.engines.count == 2)
  }

  /// A proxy whose connection to the engine has carried a request.
  private static func afterARequest() throws -> ProxyParts {
    let parts = try ProxyParts()
    try parts.send(post)
    _ = try parts.request()
    try parts.reply(ok)
    _ = try parts.answer()
    return parts
  }

  /// An engine closes a connection for its age while a request is on its way: the request goes out on a new one.
  @Test func aRequestOnAConnectionThatIsClosedIsSentAgain() throws {
    let parts = try Self.afterARequest()
    try parts.send(Self.post)
    let sent = try parts.request()
    try parts.engines[0].close().wait()
    #expect(parts.engines.count == 2)
    #expect(try parts.request(1) == sent)
    try parts.reply(Self.ok, 1)
    #expect(try parts.answer() == Self.ok)
    // On a new connection the engine itself has failed.
    try parts.send(Self.post)
    _ = try parts.request(1)
    try parts.engines[1].close().wait()
    _ = try parts.request(2)
    try parts.engines[2].close().wait()
    #expect(try parts.answer().hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
    #expect(parts.engines.count == 3)
  }

  /// It may have computed for seconds, and ended because of the request: sent again, it would do so twice.
  @Test func aRequestThatTheEngineHadIsNotSentAgain() throws {
    let parts = try Self.afterARequest()
    try parts.send(Self.post)
    _ = try parts.request()
    parts.loop.advanceTime(by: .milliseconds(201))
    try parts.engines[0].close().wait()
    #expect(try parts.answer().hasPrefix("HTTP/1.1 502 Bad Gateway\r\n"))
    #expect(parts.engines.count == 1)
  }

  @Test func anEngineThatCannotBeReachedIs503() throws {
    let parts = try ProxyParts()
    parts.refuses = true
    try parts.send(Self.post)
    let answer = try parts.answer()
    #expect(answer.hasPrefix("HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\n"))
    #expect(
      answer.hasSuffix(
        #"{"error":{"message":"the model server at 127.0.0.1:8200 cannot be reached","type":"service_unavailable_error","param":null,"code":503}}"#
      ))
    // The connection is as good as before.
    parts.refuses = false
    try parts.send(Self.post)
    try parts.reply(Self.ok)
    #expect(try parts.answer() == Self.ok)
  }

  @Test func aBrokenAnswerIsBrokenForTheClient() throws {
    let parts = try ProxyParts()
    try parts.send(Self.post)
    try parts.reply("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
    try parts.engines[0].close().wait()
    #expect(try parts.answer() == "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf")
    #expect(!parts.client.isActive)
  }

  @Test func whatIsNoHTTPIsRefused() throws {
    let parts = try ProxyParts()
    try parts.send("POST / HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}")
    #expect(try parts.answer().hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
    #expect(parts.engines.isEmpty)
    let other = try ProxyParts()
    try other.send(Self.post)
    try other.reply("garbage\r\n\r\n")
    #expect(try other.answer().hasPrefix("HTTP/1.1 502 "))
  }

  @Test func longBodiesAreRefused() throws {
    let announced = try ProxyParts { $0.maximumRequestBytes = 100 }
    try announced.send("POST / HTTP/1.1\r\nContent-Length: 101\r\n\r\n")
    #expect(try announced.answer().hasPrefix("HTTP/1.1 413 "))
    #expect(announced.engines.isEmpty)
    #expect(!announced.client.isActive)
    let chunked = try ProxyParts { $0.maximumRequestBytes = 100 }
    try chunked.send("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in 0..<5 { try chunked.send("14\r\n\(String(repeating: "a", count: 20))\r\n") }
    #expect(try chunked.answer() == "")
    try chunked.send("1\r\na\r\n")
    #expect(try chunked.answer().hasPrefix("HTTP/1.1 413 "))
    #expect(!chunked.engines[0].isActive && !chunked.client.isActive)
  }

  @Test func aClientThatIsGoneTakesItsRequestAlong() throws {
    let parts = try ProxyParts()
    try parts.send(Self.post)
    try parts.client.close().wait()
    #expect(!parts.engines[0].isActive)
  }

  @Test func slowClientsAreGivenUp() throws {
    let silent = try ProxyParts()
    silent.loop.advanceTime(by: .seconds(10))
    #expect(!silent.client.isActive)
    let slow = try ProxyParts()
    try slow.send("POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\na")
    for _ in 0..<3 {
      slow.loop.advanceTime(by: .seconds(59))
      try slow.send("a")
    }
    slow.loop.advanceTime(by: .seconds(61))
    #expect(try slow.answer().hasPrefix("HTTP/1.1 408 "))
    #expect(!slow.client.isActive && !slow.engines[0].isActive)
    // An engine may take its time.
    let patient = try ProxyParts()
    try patient.send(Self.post)
    patient.loop.advanceTime(by: .hours(1))
    try patient.reply(Self.ok)
    #expect(try patient.answer() == Self.ok)
    patient.loop.advanceTime(by: .seconds(75))
    #expect(!patient.client.isActive)
  }

  @Test func aClientMayAskForLeaveToSend() throws {
    let parts = try ProxyParts()
    try parts.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
    #expect(try parts.answer() == "HTTP/1.1 100 Continue\r\n\r\n")
    #expect(try !parts.request().lowercased().contains("expect"))
    try parts.send("{}")
    try parts.reply(Self.ok)
    #expect(try parts.answer() == Self.ok)
  }

  @Test func clientsThatDoNotKnowChunksGetTheEndOfTheConnection() throws {
    let parts = try ProxyParts()
    try parts.send("GET / HTTP/1.0\r\n\r\n")
    try parts.reply("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
    let answer = try parts.answer()
    #expect(answer.contains("connection: close") && !answer.contains("chunked") && answer.hasSuffix("\r\n\r\nhi"))
    #expect(!parts.client.isActive)
  }

  @Test func aDrainingProxyClosesAfterTheAnswer() throws {
    let idle = try ProxyParts()
    idle.connection.drain()
    #expect(!idle.client.isActive)
    let busy = try ProxyParts()
    try busy.send(Self.post)
    busy.isDraining = true
    busy.connection.drain()
    #expect(busy.client.isActive)
    try busy.reply(Self.ok)
    #expect(try busy.answer().contains("connection: close"))
    #expect(!busy.client.isActive)
  }

  // MARK: - Back-pressure

  @Test func anAnswerIsReadNoFasterThanTheClientTakesIt() throws {
    let parts = try ProxyParts()
    let reads = ReadCount()
    try parts.send(Self.post)
    try parts.engines[0].pipeline.syncOperations.addHandler(reads, position: .first)
    parts.client.isWritable = false
    parts.client.pipeline.fireChannelWritabilityChanged()
    parts.engines[0].read()
    #expect(reads.count == 0)
    parts.client.isWritable = true
    parts.client.pipeline.fireChannelWritabilityChanged()
    #expect(reads.count == 1)
  }

  @Test func aRequestIsReadNoFasterThanTheEngineTakesIt() throws {
    let parts = try ProxyParts()
    let reads = ReadCount()
    try parts.client.pipeline.syncOperations.addHandler(reads, position: .first)
    try parts.send("POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\na")
    parts.engines[0].isWritable = false
    parts.engines[0].pipeline.fireChannelWritabilityChanged()
    let before = reads.count
    parts.client.read()
    #expect(reads.count == before)
    parts.engines[0].isWritable = true
    parts.engines[0].pipeline.fireChannelWritabilityChanged()
    #expect(reads.count == before + 1)
  }

  // MARK: - Probes and upgrades

  @Test func probesOfTheProxyItselfNeedNoEngine() throws {
    let parts = try ProxyParts()
    parts.refuses = true
    for path in ["/livez", "/startupz"] {
      try parts.send("GET \(path) HTTP/1.1\r\n\r\n")
      #expect(try parts.answer() == "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\nok\n")
    }
    try parts.send("HEAD /livez HTTP/1.1\r\n\r\n")
    #expect(try parts.answer() == "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: 3\r\n\r\n")
    try parts.send("GET /readyz HTTP/1.1\r\n\r\n")
    #expect(try parts.answer().hasPrefix("HTTP/1.1 503 "))
  }

  @Test func readinessIsTheEngines() throws {
    let parts = try ProxyParts()
    for path in ["/readyz", "/health"] {
      try parts.send("GET \(path) HTTP/1.1\r\n\r\n")
      #expect(try parts.request().hasPrefix("GET /health HTTP/1.1\r\n"))
      try parts.reply("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
      #expect(try parts.answer().hasPrefix("HTTP/1.1 200 OK\r\n"))
    }
    parts.isDraining = true
    try parts.send("GET /readyz HTTP/1.1\r\n\r\n")
    #expect(try parts.answer().hasSuffix("the process is shutting down\n"))
  }

  @Test func anUpgradedConnectionPassesBytesBothWays() throws {
    let parts = try ProxyParts()
    try parts.send("GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    #expect(try parts.request().contains("connection: upgrade\r\nupgrade: websocket\r\n"))
    try parts.reply("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\nfirst")
    parts.loop.run()
    #expect(
      try parts.answer()
        == "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\nfirst")
    try parts.send("ping")
    #expect(try parts.request() == "ping")
    try parts.reply("pong")
    #expect(try parts.answer() == "pong")
    parts.loop.advanceTime(by: .hours(2))
    #expect(parts.client.isActive)
    try parts.engines[0].close().wait()
    #expect(!parts.client.isActive)
  }

  @Test func anUpgradeThatTheEngineRefusesIsAnAnswer() throws {
    let parts = try ProxyParts()
    try parts.send("GET /ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
    try parts.reply("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    #expect(try parts.answer().hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
    #expect(!parts.client.isActive)
  }

  private final class ReadCount: ChannelOutboundHandler {
    typealias OutboundIn = Never
    var count = 0

    func read(context: ChannelHandlerContext) {
      count += 1
      context.read()
    }
  }
}
