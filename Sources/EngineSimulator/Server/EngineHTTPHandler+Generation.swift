import EPPCore
import NIOCore
import NIOHTTP1

/// Responses to generation requests.
extension EngineHTTPHandler: TokenReceiver {
  /// Starts the response to a generation request.
  ///
  /// - Throws: `APIError` when the request does not fit the context.
  func generate(_ request: GenerationRequest, adapter: LoadedAdapter?) throws(APIError) {
    var made = GenerationAnswer(
      request, name: requestName, model: adapter?.name ?? engine.options.modelName, created: engine.date,
      options: engine.options)
    if !request.encodedItems.isEmpty { made.encoderParameters = engine.encoderParameters(request.encodedItems) }
    if let usages = engine.usagesBelowThreshold(request, adapter: adapter) {
      let events = made.end(.cacheThreshold, usages: usages)
      if request.isStreaming { writeStreamHead() }
      return finish(made, events)
    }
    answer = made
    do {
      try engine.submit(request, adapter: adapter, name: made.id, receiver: self) { submitted in
        requests = submitted
        guard request.isStreaming else { return }
        // vLLM sends the head before it has a token.
        writeStreamHead()
        context?.flush()
      }
    } catch {
      answer = nil
      throw error
    }
  }

  private func writeStreamHead() {
    write(head: 200, headers: [("content-type", "text/event-stream; charset=utf-8"), ("transfer-encoding", "chunked")])
  }

  func receive(choice: Int, token: UInt32, usage: TokenUsage, finish: SimulatedRequest.FinishReason?) {
    guard let events = answer?.accept(choice: choice, token: token, usage: usage, finish: finish), let answer else {
      return
    }
    if answer.isComplete {
      self.answer = nil
      requests = []
    }
    self.finish(answer, events)
  }

  func receive(transferParameters: String) { answer?.transferParameters = transferParameters }

  func fail(_ error: APIError) {
    guard let answer else { return }
    self.answer = nil
    let others = requests
    requests = []
    engine.cancel(others)
    if answer.request.isStreaming {
      stream("data: \(error.json)\n\ndata: [DONE]\n\n", isLast: true)
    } else {
      respond(error.status, json: error.json)
    }
  }

  /// Writes the next part of a response, or all of it when it is complete and not streamed.
  private func finish(_ answer: GenerationAnswer, _ events: String) {
    if answer.request.isStreaming {
      stream(events, isLast: answer.isComplete)
    } else if answer.isComplete {
      if engine.fault == .cut { cut(answer.body, needsHead: true) } else { respond(200, json: answer.body) }
    }
  }

  private func stream(_ events: String, isLast: Bool) {
    if withheld != nil || engine.fault == .hangAfterHead {
      withheld = (events: (withheld?.events ?? "") + events, isLast: isLast)
      engine.hold(self) { [weak self] in self?.sendWithheld() }
      return
    }
    guard let context else { return }
    // A client that does not read would fill the memory.
    guard context.channel.isWritable else { return context.close(promise: nil) }
    if engine.fault == .cut { return cut(events, needsHead: false) }
    context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: events)))), promise: nil)
    if isLast { end(closing: false) } else { context.flush() }
  }

  private func sendWithheld() {
    guard let (events, isLast) = withheld else { return }
    guard !engine.fault.holdsAnswers else { return engine.hold(self) { [weak self] in self?.sendWithheld() } }
    withheld = nil
    stream(events, isLast: isLast)
  }

  /// Writes the first half of a text, and closes the connection.
  private func cut(_ text: String, needsHead: Bool) {
    let others = requests
    answer = nil
    requests = []
    engine.cancel(others)
    endLog(isCancelled: false)
    let bytes = Array(text.utf8)
    if needsHead {
      write(head: 200, headers: [("content-length", "\(bytes.count)"), ("content-type", "application/json")])
    }
    guard let context else { return }
    let written = context.eventLoop.makePromise(of: Void.self)
    let half = ByteBuffer(bytes: bytes.prefix(bytes.count / 2))
    context.writeAndFlush(wrapOutboundOut(.body(.byteBuffer(half))), promise: written)
    close(after: written.futureResult, context)
  }

  /// Writes bytes that are no HTTP, and closes the connection.
  func respondWithGarbage() {
    endLog(isCancelled: false)
    guard let context else { return }
    do {
      let encoder = try context.pipeline.syncOperations.context(handlerType: HTTPResponseEncoder.self)
      let written = context.eventLoop.makePromise(of: Void.self)
      // What the encoder's context writes does not go through the encoder.
      encoder.writeAndFlush(NIOAny(ByteBuffer(string: "\u{1}\u{2}no HTTP\r\n\r\n\u{0}")), promise: written)
      close(after: written.futureResult, context)
    } catch {
      context.close(promise: nil)
    }
  }

  private func close(after written: EventLoopFuture<Void>, _ context: ChannelHandlerContext) {
    let channel = context.channel
    written.whenComplete { _ in channel.close(promise: nil) }
  }
}
