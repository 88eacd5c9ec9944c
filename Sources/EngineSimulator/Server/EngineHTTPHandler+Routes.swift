import EPPRequests
import NIOCore
import NIOHTTP1

extension EngineHTTPHandler {
  /// The paths of the API.
  private enum Endpoint: String {
    case completions = "/v1/completions"
    case chatCompletions = "/v1/chat/completions"
    case completionsRender = "/v1/completions/render"
    case chatCompletionsRender = "/v1/chat/completions/render"
    case tokenize = "/tokenize"
    case detokenize = "/detokenize"
    case models = "/v1/models"
    case loadAdapter = "/v1/load_lora_adapter"
    case unloadAdapter = "/v1/unload_lora_adapter"
    case health = "/health"
    case ping = "/ping"
    case version = "/version"
    case load = "/load"
    case metrics = "/metrics"
    case resetPrefixCache = "/reset_prefix_cache"
    case kvEventSources = "/kv_event_sources"
    case faults = "/sim/faults"
    case requests = "/sim/requests"
    case transfers = "/sim/transfers"
    case kvEventFaults = "/sim/kv-events"

    var methods: [HTTPMethod] {
      switch self {
      case .completions, .chatCompletions, .completionsRender, .chatCompletionsRender, .tokenize, .detokenize,
        .loadAdapter, .unloadAdapter, .resetPrefixCache:
        [.POST]
      case .models, .health, .version, .load, .metrics, .kvEventSources, .requests, .transfers: [.GET]
      case .ping, .faults, .kvEventFaults: [.GET, .POST]
      }
    }
  }

  /// The version of vLLM that is simulated.
  private static let version = "0.32.0"

  /// Answers the current request.
  func route(_ method: HTTPMethod, path: String) {
    guard let endpoint = Endpoint(rawValue: path) else { return respond(404, json: #"{"detail":"Not Found"}"#) }
    guard endpoint.methods.contains(method) else {
      return respond(
        405, type: "application/json", body: ByteBuffer(string: #"{"detail":"Method Not Allowed"}"#),
        headers: [("allow", endpoint.methods.map(\.rawValue).joined(separator: ", "))])
    }
    do { try serve(endpoint, method) } catch { respond(error.status, json: error.json) }
  }

  private func serve(_ endpoint: Endpoint, _ method: HTTPMethod) throws(APIError) {
    switch endpoint {
    case .completions: try serveGeneration(.completions)
    case .chatCompletions: try serveGeneration(.chat)
    case .completionsRender: try serveRender(.completions)
    case .chatCompletionsRender: try serveRender(.chat)
    case .tokenize: try serveTokenize()
    case .detokenize: try serveDetokenize()
    case .health, .ping: respond(200, type: nil, body: ByteBuffer())
    case .version: respond(200, json: #"{"version":"\#(Self.version)"}"#)
    case .load:
      respond(200, json: #"{"server_load":\#(engine.engine.runningRequests + engine.engine.waitingRequests)}"#)
    case .models:
      respond(200, json: engine.models.json(contextTokens: engine.options.contextTokens, created: engine.date))
    case .metrics:
      respond(
        200, type: "text/plain; version=1.0.0; charset=utf-8", body: ByteBuffer(bytes: engine.metrics()))
    case .resetPrefixCache: respond(200, json: #"{"success":\#(engine.resetPrefixCache())}"#)
    case .kvEventSources: respond(200, json: engine.publisher.map { #"{"0":\#($0.configuration.json)}"# } ?? "{}")
    case .loadAdapter: try loadAdapter()
    case .unloadAdapter:
      respondText(try engine.models.unload(name: try bodyJSON()["lora_name"]?.text ?? ""))
    case .faults: try serveFaults(method)
    case .requests: serveRequestLog()
    case .transfers: try serveTransfers()
    case .kvEventFaults: try serveKVEventFaults(method)
    }
  }

  /// Reads the body of the current request.
  ///
  /// - Throws: `APIError` with which vLLM responds to a body that is not JSON.
  func bodyJSON() throws(APIError) -> JSONNode {
    do { return try JSONNode(Array(body.readableBytesView)) } catch { throw .invalidJSON(offset: error.offset) }
  }

  /// Reads the body of a request that needs the content type `application/json`.
  ///
  /// - Throws: `APIError` for another content type, and for a body that is not JSON.
  func typedBodyJSON() throws(APIError) -> JSONNode {
    let type = head?.headers.first(name: "content-type")?.lowercased().split(separator: ";").first
    guard type?.trimmingPrefix(" ") == "application/json" else { throw APIError.unsupportedMediaType }
    return try bodyJSON()
  }

  private func respondText(_ text: String) {
    respond(200, type: "text/plain; charset=utf-8", body: ByteBuffer(string: text))
  }

  /// Returns the model that a name stands for.
  ///
  /// - Throws: `APIError` when there is none.
  func target(of model: String) throws(APIError) -> ServedModels.Target {
    guard let target = engine.models.target(of: model) else {
      throw APIError.unknownModel(model, served: engine.models.names + engine.models.adapters.map(\.name))
    }
    return target
  }

  private func serveGeneration(_ api: GenerationRequest.API) throws(APIError) {
    if let status = engine.fault.errorStatus { throw APIError.fault(status: status) }
    if engine.fault == .garbage { return respondWithGarbage() }
    var request = try GenerationRequest(
      api: api, body: try typedBodyJSON(), transfer: engine.options.kvTransfer, encoder: engine.options.encoderConnector
    )
    request.sessionID = request.sessionID ?? head?.headers.first(name: "x-session-id")
    switch try target(of: request.model) {
    case .base: try generate(request, adapter: nil)
    case .adapter(let adapter): try generate(request, adapter: adapter)
    }
  }

  private func loadAdapter() throws(APIError) {
    guard engine.options.maximumAdapters > 0 else {
      throw APIError(status: 400, message: "LoRA is off: start engine-sim with --max-loras.", type: "InvalidUserInput")
    }
    let body = try bodyJSON()
    respondText(
      try engine.models.load(name: body["lora_name"]?.text ?? "", path: body["lora_path"]?.text ?? ""))
  }
}
