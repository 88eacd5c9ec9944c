import NIOCore
import NIOHTTP1

/// An answer that the proxy gives by itself.
struct LocalAnswer: Equatable {
  var status: HTTPResponseStatus
  var text: String
}

/// A request that the proxy answers itself.
final class AnsweredExchange: ClientExchange {
  private enum Answer {
    case local(LocalAnswer)
    case fault(ProxyFault)
  }

  private let answer: Answer
  private unowned let client: any ExchangeClient

  init(_ answer: LocalAnswer, _ client: any ExchangeClient) {
    self.answer = .local(answer)
    self.client = client
  }

  init(_ fault: ProxyFault, _ client: any ExchangeClient) {
    answer = .fault(fault)
    self.client = client
  }

  let mayRead = true

  func start() {
    switch answer {
    case .fault(let fault): client.fail(fault)
    case .local(let answer):
      client.answer(
        HTTPResponseHead(
          version: .http1_1, status: answer.status,
          headers: ["content-type": "text/plain", "content-length": String(answer.text.utf8.count)]))
      client.answer(ByteBuffer(string: answer.text))
      client.endAnswer(nil)
    }
  }

  func add(_ bytes: ByteBuffer) {}
  func complete() {}
  func flush() {}
  func clientWritabilityChanged(_ isWritable: Bool) {}
  func cancel() {}
}
