import EPPCore
import NIOCore
import NIOHTTP1

/// A request to an engine whose answer is collected whole. Belongs to one event loop.
final class CollectedLeg {
  /// An engine's answer.
  struct Answer {
    var head: HTTPResponseHead
    var body = ByteBuffer()

    var isSuccess: Bool { (200..<300).contains(head.status.code) }
  }

  /// The answer; nil until it has begun.
  private(set) var answer: Answer?
  private let parts: EngineLegParts
  private let loop: any EventLoop
  private let timeout: Duration
  private let maximumBytes: Int
  private var leg: EngineLeg?
  private var limit: Scheduled<Void>?
  private var done: ((Answer?) -> Void)?

  /// - Parameter timeout: The time for the whole answer; zero for any.
  init(_ proxy: ProxyLoop, _ origin: EngineOrigin, _ head: HTTPRequestHead, _ body: ByteBuffer, _ timeout: Duration) {
    parts = EngineLegParts(proxy.pool, origin, head, body)
    loop = proxy.loop
    self.timeout = timeout
    maximumBytes = proxy.settings.disaggregation.maximumPrefillAnswerBytes
  }

  /// Sends the request.
  ///
  /// - Parameter done: Called on the loop with the whole answer; nil where there is none, or it is not whole, too long or too late.
  ///   Never after `cancel`.
  func start(_ done: @escaping (Answer?) -> Void) {
    self.done = done
    let leg = EngineLeg(parts) { [self] in handle($0) }
    self.leg = leg
    if timeout > .zero {
      let bound = NIOLoopBound(self, eventLoop: loop)
      limit = loop.scheduleTask(in: TimeAmount(timeout)) { bound.value.giveUp() }
    }
    leg.start()
  }

  /// Gives the request up.
  func cancel() {
    leg?.cancel()
    finish()
  }

  private func giveUp() {
    leg?.cancel()
    answer = nil
    end(nil)
  }

  private func handle(_ event: EngineLeg.Event) {
    switch event {
    case .head(let head): answer = Answer(head: head)
    case .body(var bytes):
      answer?.body.writeBuffer(&bytes)
      if let length = answer?.body.readableBytes, length > maximumBytes { giveUp() }
    case .flush: break
    case .end: end(answer)
    case .failed:
      answer = nil
      end(nil)
    }
  }

  private func end(_ answer: Answer?) {
    let done = done
    finish()
    done?(answer)
  }

  private func finish() {
    limit?.cancel()
    limit = nil
    leg = nil
    done = nil
  }
}
