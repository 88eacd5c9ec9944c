import NIOCore
import NIOHTTP1

extension EngineHTTPHandler {
  /// What a path is for.
  private enum Endpoint: String {
    case completions = "/v1/completions"
    case chatCompletions = "/v1/chat/completions"
    case models = "/v1/models"
    case loadAdapter = "/v1/load_lora_adapter"
    case unloadAdapter = "/v1/unload_lora_adapter"
    case health = "/health"
    case ping = "/ping"
    case version = "/version"
    case load = "/load"
    case metrics = "/metrics"
    case resetPrefixCache = "/reset_prefix_cache"
    case faults = "/sim/faults"

    var methods: [HTTPMethod] {
      switch self {
      case .completions, .chatCompletions, .loadAdapter, .unloadAdapter, .resetPrefixCache: [.POST]
      case .models, .health, .version, .load, .metrics: [.GET]
      case .ping, .faults: [.GET, .POST]
      }
    }
  }

  /// The vLLM version whose answers are imitated.
  private static let version = "0.32.0"

  /// A day, in seconds.
  private static let longestFault = 86_400.0

  /// Answers the request that has been read.
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
    case .loadAdapter: try loadAdapter()
    case .unloadAdapter:
      let fields = try RequestFields(["lora_name"], from: bodyBytes)
      respondText(try engine.models.unload(name: fields.strings["lora_name"] ?? ""))
    case .faults: try serveFaults(method)
    }
  }

  private var bodyBytes: [UInt8] { Array(body.readableBytesView) }

  private func respondText(_ text: String) {
    respond(200, type: "text/plain; charset=utf-8", body: ByteBuffer(string: text))
  }

  private func serveGeneration(_ api: GenerationRequest.API) throws(APIError) {
    if engine.fault == .errors { throw APIError.internalError }
    let type = head?.headers.first(name: "content-type")?.lowercased().split(separator: ";").first
    guard type?.trimmingPrefix(" ") == "application/json" else { throw APIError.unsupportedMediaType }
    let request = try GenerationRequest(api: api, body: bodyBytes)
    guard let target = engine.models.target(of: request.model) else {
      throw APIError.unknownModel(
        request.model, served: engine.models.names + engine.models.adapters.map(\.name))
    }
    switch target {
    case .base: try generate(request, adapter: nil)
    case .adapter(let name): try generate(request, adapter: name)
    }
  }

  private func loadAdapter() throws(APIError) {
    guard engine.options.maximumAdapters > 0 else {
      throw APIError(status: 400, message: "LoRA is off: start engine-sim with --max-loras.", type: "InvalidUserInput")
    }
    let fields = try RequestFields(["lora_name", "lora_path"], from: bodyBytes)
    respondText(
      try engine.models.load(name: fields.strings["lora_name"] ?? "", path: fields.strings["lora_path"] ?? ""))
  }

  private func serveFaults(_ method: HTTPMethod) throws(APIError) {
    guard method == .POST else { return respond(200, json: Self.json(of: engine.fault)) }
    let fields = try RequestFields(["mode", "factor", "seconds"], from: bodyBytes)
    let seconds = fields.numbers["seconds"]
    guard let fault = EngineFault(mode: fields.strings["mode"] ?? "", factor: fields.numbers["factor"]),
      (0...Self.longestFault).contains(seconds ?? 0)
    else {
      throw APIError(
        status: 400,
        message: "mode is none, slow, errors, hang or refuse; factor (for slow) is more than 0, seconds at most a day",
        type: "BadRequestError", parameter: "mode")
    }
    // Answered first: a connection that is refused from now on could not bring the answer.
    respond(200, json: Self.json(of: fault))
    engine.setFault(fault, for: seconds.map { .seconds($0) })
  }

  private static func json(of fault: EngineFault) -> String {
    #"{"mode":"\#(fault.mode)","factor":\#(fault.slowness)}"#
  }
}
