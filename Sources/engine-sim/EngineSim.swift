import ArgumentParser
import EngineSimulator
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

@main
struct EngineSim: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engine-sim",
    abstract: "A stand-in for vLLM: its API, its metrics and its timing, without a model.",
    discussion: """
      It answers /v1/completions and /v1/chat/completions with words that mean nothing, but takes as long as an engine \
      would: the part of the prompt that is not in its prefix cache is computed at the prefill rate, one prompt after the \
      other, and then a token comes every inter-token latency. A token is 4 bytes of text, a block of the cache 16 tokens. \
      The same prompt always gets the same answer.

      Try it:
        engine-sim --port 8000 &
        curl localhost:8000/v1/completions -H 'content-type: application/json' \\
          -d '{"model": "engine-sim", "prompt": "Once upon a time", "max_tokens": 20, "stream": true}'
        curl localhost:8000/metrics

      Make it misbehave while it runs, for 10 seconds or until told otherwise:
        curl localhost:8000/sim/faults -d '{"mode": "slow", "factor": 10, "seconds": 10}'
        curl localhost:8000/sim/faults -d '{"mode": "none"}'
      slow: everything takes `factor` times as long. errors: requests are answered with 500 while /health and /metrics look \
      well. hang: connections are taken and nothing is answered. refuse: the port is closed and connections are reset; give \
      `seconds`, since the switch cannot be reached meanwhile.

      /v1/load_lora_adapter and /v1/unload_lora_adapter take {"lora_name": ..., "lora_path": ...}; nothing is read from \
      the path. /reset_prefix_cache empties the cache of an idle engine.
      """)

  @Option(help: "The address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "The port to listen on; 0 takes any that is free.")
  var port = 8000

  @Option(help: "How many engines to run in this process, each with its own cache and port: PORT, PORT+1 and so on.")
  var count = 1

  @Option(help: "The name that the model is served under. Repeatable; answers and metrics carry the first one.")
  var model: [String] = ["engine-sim"]

  @Option(help: "Blocks in the KV cache, of 16 tokens each. No request may be longer than the cache.")
  var kvCacheBlocks = 8192

  @Option(help: "Prompt tokens computed in a second; cached ones cost nothing.")
  var prefillTokensPerSecond = 8000.0

  @Option(help: "The time of a step that decodes: 10ms, 0.5s, 250us or 0.")
  var interTokenLatency = DurationArgument(duration: .milliseconds(10))

  @Option(help: "Requests in the running batch; others wait.")
  var maxNumSeqs = 64

  @Option(help: "Tokens computed in a step, those of decoding requests included.")
  var maxNumBatchedTokens = 2048

  @Option(help: "Prompt and answer together, in tokens.")
  var maxModelLen = 131_072

  @Option(help: "Tokens after which a chat that sets no limit ends by itself.")
  var defaultOutputTokens = 128

  @Option(help: "LoRA adapters to load at the start: NAME[,NAME].")
  var loraModules = ""

  @Option(help: "LoRA adapters in the running batch at a time; 0 turns LoRA off.")
  var maxLoras = 4

  @Flag(inversion: .prefixedNo, help: "Tell the cached tokens in usage.")
  var enablePromptTokensDetails = true

  @Option(help: "Start with a fault: slow:10, errors, hang or refuse.")
  var fault = FaultArgument(fault: .none)

  func validate() throws {
    for (name, value) in [
      ("--count", count), ("--kv-cache-blocks", kvCacheBlocks), ("--max-num-seqs", maxNumSeqs),
      ("--max-num-batched-tokens", maxNumBatchedTokens), ("--max-model-len", maxModelLen),
      ("--default-output-tokens", defaultOutputTokens),
    ] where value < 1 {
      throw ValidationError("\(name) must be at least 1.")
    }
    guard kvCacheBlocks <= Self.maximumBlocks else {
      throw ValidationError("--kv-cache-blocks must be at most \(Self.maximumBlocks).")
    }
    guard maxLoras >= 0 else { throw ValidationError("--max-loras must be at least 0.") }
    guard prefillTokensPerSecond > 0, prefillTokensPerSecond.isFinite else {
      throw ValidationError("--prefill-tokens-per-second must be more than 0.")
    }
    guard port >= 0, port == 0 ? true : port + count - 1 <= Int(UInt16.max) else {
      throw ValidationError("--port, and the ports after it for --count, must be from 0 to 65535.")
    }
  }

  func run() async throws {
    // Standard output is for the lines that say where an engine listens.
    LoggingSystem.bootstrap { StreamLogHandler.standardError(label: $0) }
    let service = EngineService(options: options, host: host, port: port, count: count)
    let group = ServiceGroup(
      services: [service], gracefulShutdownSignals: [.sigterm, .sigint], logger: Logger(label: "engine-sim"))
    try await group.run()
  }

  private var options: EngineOptions {
    var options = EngineOptions()
    options.models = model
    options.cacheBlocks = kvCacheBlocks
    options.prefillTokensPerSecond = prefillTokensPerSecond
    options.interTokenLatency = interTokenLatency.duration
    options.maximumRunningRequests = maxNumSeqs
    options.maximumBatchedTokens = maxNumBatchedTokens
    options.maximumModelTokens = maxModelLen
    options.defaultOutputTokens = defaultOutputTokens
    options.adapters = loraModules.split(separator: ",").map(String.init)
    options.maximumAdapters = maxLoras
    options.reportsPromptTokenDetails = enablePromptTokensDetails
    options.fault = fault.fault
    return options
  }

  /// A bound that keeps the tables of the cache, about 100 bytes a block, below 2 GB.
  private static let maximumBlocks = 16 << 20
}

/// The engines of this process, from their start to the signal that ends them.
private struct EngineService: Service {
  let options: EngineOptions
  let host: String
  let port: Int
  let count: Int

  func run() async throws {
    var servers: [EngineServer] = []
    for index in 0..<count {
      let wanted = port == 0 ? 0 : port + index
      do {
        servers.append(try await EngineServer.start(options: options, host: host, port: wanted))
      } catch {
        for server in servers { try await server.stop() }
        throw CannotListen(host: host, port: wanted, reason: error)
      }
    }
    for server in servers { announce("engine-sim: listening on \(server.address)") }
    try await gracefulShutdown()
    for server in servers { try await server.stop() }
  }

  /// Prints a line at once, also when standard output is a pipe: whoever started us may wait for it.
  private func announce(_ line: String) {
    print(line)
    _ = fflush(nil)
  }
}

/// A port could not be opened.
private struct CannotListen: Error, CustomStringConvertible {
  var host: String
  var port: Int
  var reason: any Error

  var description: String {
    "cannot listen on \(host) port \(port): \(reason). Choose another --port, or 0 for any that is free."
  }
}
