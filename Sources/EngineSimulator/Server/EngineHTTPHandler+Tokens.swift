import NIOCore

/// Paths that convert between text and tokens.
extension EngineHTTPHandler {
  /// Answers a `/render` path: with the tokens of a request's prompts.
  func serveRender(_ api: GenerationRequest.API) throws(APIError) {
    guard engine.options.servesScaleOut else { throw APIError.scaleOutDisabled }
    delayed { handler throws(APIError) in
      let body = try handler.typedBodyJSON()
      _ = try handler.target(of: try GenerationRequest.modelName(in: body))
      let request = try GenerationRequest(api: api, body: body)
      let limit = handler.engine.options.contextTokens
      if let long = request.prompts.first(where: { $0.count > limit }) {
        throw APIError(.promptTooLong(promptTokens: long.count), limit: limit)
      }
      return RenderAnswer(request, body: body, name: handler.requestName).json
    }
  }

  /// Answers `/tokenize`: with the tokens of a text or a chat.
  func serveTokenize() throws(APIError) {
    delayed { handler throws(APIError) in
      let body = try handler.typedBodyJSON()
      _ = try handler.target(of: try GenerationRequest.modelName(in: body))
      return try TokenizeAnswer(body, contextTokens: handler.engine.options.contextTokens).json
    }
  }

  /// Answers `/detokenize`: with the text of tokens.
  func serveDetokenize() throws(APIError) {
    let body = try typedBodyJSON()
    _ = try target(of: try GenerationRequest.modelName(in: body))
    guard let elements = body["tokens"]?.elements else {
      throw .validation("missing", location: "body.tokens", message: "Field required")
    }
    let tokens = elements.compactMap { $0.integer.flatMap { UInt32(exactly: $0) } }
    let text = String(decoding: Tokenizer.trained.decode(tokens), as: UTF8.self)
    respond(200, json: #"{"prompt":\#(JSONString.quoted(text))}"#)
  }

  /// Answers after `renderDelay`.
  private func delayed(_ answer: @escaping (EngineHTTPHandler) throws(APIError) -> String) {
    guard engine.options.renderDelay > .zero else { return finish(answer) }
    engine.schedule(in: engine.options.renderDelay) { [weak self] in
      self?.finishWhenAwake(answer)
    }
  }

  /// Answers, during the fault `hang` after its end.
  private func finishWhenAwake(_ answer: @escaping (EngineHTTPHandler) throws(APIError) -> String) {
    // The client may have left.
    guard head != nil else { return }
    guard engine.fault == .hang else { return finish(answer) }
    engine.hold(self) { [weak self] in self?.finishWhenAwake(answer) }
  }

  private func finish(_ answer: (EngineHTTPHandler) throws(APIError) -> String) {
    do throws(APIError) {
      if engine.fault == .renderErrors { throw APIError.internalError }
      respond(200, json: try answer(self))
    } catch {
      respond(error.status, json: error.json)
    }
  }
}
