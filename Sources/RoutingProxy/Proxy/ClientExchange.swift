import NIOCore
import NIOHTTP1

/// What becomes of one request of a client. Belongs to the event loop of the client's connection, which calls it.
protocol ClientExchange: AnyObject {
  /// Whether more of the request's body is wanted now.
  var mayRead: Bool { get }
  /// Begins; the client is told of everything from here on.
  func start()
  /// A piece of the body has arrived.
  func add(_ bytes: ByteBuffer)
  /// The body is complete.
  func complete()
  /// The pieces that have arrived together are all told.
  func flush()
  /// The client takes more of the answer, or no more for now.
  func clientWritabilityChanged(_ isWritable: Bool)
  /// Gives up: the client is gone, or has got another answer.
  func cancel()
}

/// The client of an exchange, which gets one answer: a head, pieces and the end, or a fault. Used on its event loop.
protocol ExchangeClient: AnyObject {
  /// Whether the client takes more of the answer.
  var isWritable: Bool { get }
  /// Begins the answer.
  func answer(_ head: HTTPResponseHead)
  /// Adds to the answer.
  func answer(_ bytes: ByteBuffer)
  /// Sends what was added.
  func flushAnswer()
  /// Ends the answer, and the exchange.
  func endAnswer(_ trailers: HTTPHeaders?)
  /// Breaks an answer off that has begun, and ends the exchange: the client sees that it is not whole.
  func breakAnswer()
  /// Answers with a fault, and ends the exchange; an answer that has begun is broken off.
  func fail(_ fault: ProxyFault)
  /// The exchange wants more of the body.
  func readOn()
  /// Leaves HTTP: what the client sends is given to the tunnel from here on.
  func openTunnel(_ tunnel: Tunnel)
}
