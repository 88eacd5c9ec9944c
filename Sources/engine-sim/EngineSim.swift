import ArgumentParser
import EngineSimulator
import Logging
import ServiceLifecycle
import UnixSignals

/// The command `engine-sim`.
@main
struct EngineSim: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engine-sim",
    abstract: "A stand-in for vLLM: its API, its metrics and its timing, without a model.",
    discussion: """
      It answers /v1/completions and /v1/chat/completions with words that mean nothing, but takes as long as an engine \
      would: the part of the prompt that is not in its prefix cache is computed at the prefill rate, one prompt after the \
      other, and then a token comes every inter-token latency. Text is tokenized by byte-level BPE with a small vocabulary of \
      its own (about 4 bytes of English a token); the prefix cache works on blocks of real tokens, named by vLLM's hashes. \
      The same prompt always gets the same answer.

      Try it:
        engine-sim --port 8000 &
        curl localhost:8000/v1/completions -H 'content-type: application/json' \\
          -d '{"model": "engine-sim", "prompt": "Once upon a time", "max_tokens": 20, "stream": true}'
        curl localhost:8000/metrics

      What the cache holds can be followed, and tokens can be asked for, as with vLLM:
        engine-sim --port 8000 --kv-events-config '{"enable_kv_cache_events": true, "publisher": "zmq", \
      "endpoint": "tcp://127.0.0.1:*", "replay_endpoint": "tcp://127.0.0.1:*"}' &
        curl localhost:8000/kv_event_sources
        curl localhost:8000/v1/chat/completions/render -H 'content-type: application/json' \\
          -d '{"model": "engine-sim", "messages": [{"role": "user", "content": "Hello"}]}'
        curl localhost:8000/tokenize -H 'content-type: application/json' -d '{"prompt": "Hello"}'

      Make it misbehave while it runs, for 10 seconds or until told otherwise:
        curl localhost:8000/sim/faults -d '{"mode": "slow", "factor": 10, "seconds": 10}'
        curl localhost:8000/sim/faults -d '{"mode": "none"}'
      slow: everything takes `factor` times as long (0.001 to 1000000). errors: requests are answered with `status` (500) \
      while /health and /metrics look well. render-errors: requests for tokens are. hang: connections are taken and nothing \
      is answered. hang-after-head: of a streamed answer the head alone is sent. cut: answers end in their middle, and the \
      connection is closed. garbage: answers are bytes that are no HTTP. slow-transfers: sending KV cache blocks takes \
      `factor` times as long. lose-blocks: other engines find no blocks here. refuse: the port is closed and connections are \
      reset; give `seconds`, since the switch cannot be reached meanwhile.

      Divide the work between a prefill and a decode engine, which fetches the blocks of the prompt from the other:
        engine-sim --port 8100 --kv-connector nixlv2 --kv-transfer-port 5600 &
        engine-sim --port 8200 --kv-connector nixlv2 --kv-transfer-port 5601 &
        curl localhost:8100/v1/completions -H 'content-type: application/json' \\
          -d '{"prompt": "Once upon a time", "max_tokens": 1, "kv_transfer_params": {"do_remote_decode": true}}'
        curl localhost:8200/v1/completions -H 'content-type: application/json' \\
          -d '{"prompt": "Once upon a time", "kv_transfer_params": <those of the answer>}'
        curl localhost:8200/sim/transfers
      The hashes of blocks stand for their content: only the time of a transfer is simulated, and blocks that are not there \
      cannot be loaded. /sim/requests has the latest 64 requests as they came.

      Make its KV events misbehave: lose the next 3 batches, damage the next 2, send 5 messages that are no batches, stop:
        curl localhost:8000/sim/kv-events -d '{"drop": 3, "garble": 2, "garbage": 5, "paused": true}'
      What was lost or damaged can still be asked for again.

      /v1/load_lora_adapter and /v1/unload_lora_adapter take {"lora_name": ..., "lora_path": ...}; nothing is read from \
      the path. /reset_prefix_cache empties the cache of an idle engine.
      """)

  /// The default options.
  private static let standard = EngineOptions()

  @Option(help: "The address to listen on.")
  var host = "127.0.0.1"

  @Option(help: "The port to listen on; 0 takes any that is free.")
  var port = 8000

  @Option(help: "How many engines to run in this process, each with its own cache and port: PORT, PORT+1 and so on.")
  var count = 1

  @Option(help: "The name that the model is served under. Repeatable; answers and metrics carry the first one.")
  var model = EngineSim.standard.models

  @Option(help: "Blocks in the KV cache. No request may be longer than the cache.")
  var kvCacheBlocks = EngineSim.standard.cacheBlocks

  @Option(help: "Tokens in a block of the KV cache.")
  var blockSize = EngineSim.standard.blockTokens

  @Option(help: "How blocks are hashed: sha256 (of Python's pickle) or sha256_cbor.")
  var prefixCachingHashAlgo = EngineSim.standard.hashAlgorithm

  @Option(help: "What the first block is hashed with: vLLM's PYTHONHASHSEED.")
  var hashSeed = EngineSim.standard.hashSeed

  @Option(
    help: ArgumentHelp(
      """
      Where changes of the prefix cache are published, as JSON: enable_kv_cache_events, publisher (zmq), endpoint, \
      replay_endpoint, buffer_steps, hwm, max_queue_size, topic. Engine N of --count takes N-1 more than the ports.
      """, valueName: "json"), transform: KVEventsArgument.read)
  var kvEventsConfig: KVEventsArgument?

  @Option(help: "How events are written: map (vLLM 0.25 and newer) or array (0.22 and older).")
  var kvEventsEncoding = EngineSim.standard.kvEventFormat.encoding

  @Option(help: "How events write hashes: int (64 bits) or bytes (all 32).")
  var kvEventsHash = EngineSim.standard.kvEventFormat.hashes

  @Option(
    help: ArgumentHelp(
      """
      Frames of a replayed batch: topic (vLLM 0.28 and newer) or bare (0.25 and older). Bare is the default with \
      --kv-events-encoding array.
      """, valueName: "topic|bare"))
  var kvEventsReplay: KVEventFormat.Replay?

  @OptionGroup var transfer: TransferFlags

  @Flag(inversion: .prefixedNo, help: "Whether the paths that end in /render answer; otherwise 403.")
  var enableScaleOut = EngineSim.standard.servesScaleOut

  @Option(help: "How long answers of /tokenize and the /render paths are held back.")
  var renderDelay = DurationArgument(duration: EngineSim.standard.renderDelay)

  @Option(help: "Prompt tokens computed in a second, at least 1; cached ones cost nothing.")
  var prefillTokensPerSecond = EngineSim.standard.prefillTokensPerSecond

  @Option(help: "The time of a step that decodes: 10ms, 0.5s, 250us or 0.")
  var interTokenLatency = DurationArgument(duration: EngineSim.standard.interTokenLatency)

  @Option(help: "Requests in the running batch; others wait.")
  var maxNumSeqs = EngineSim.standard.maximumRunningRequests

  @Option(help: "Tokens computed in a step, those of decoding requests included.")
  var maxNumBatchedTokens = EngineSim.standard.maximumBatchedTokens

  @Option(help: "Prompt and answer together, in tokens.")
  var maxModelLen = EngineSim.standard.maximumModelTokens

  @Option(help: "Tokens after which a chat that sets no limit ends by itself.")
  var defaultOutputTokens = EngineSim.standard.defaultOutputTokens

  @Option(help: "LoRA adapters to load at the start: NAME[,NAME].")
  var loraModules = ""

  @Option(help: "LoRA adapters in the running batch at a time; 0 turns LoRA off.")
  var maxLoras = EngineSim.standard.maximumAdapters

  @Flag(help: "Taken because vLLM's command lines have it: the prefix cache is always on.")
  var enablePrefixCaching = false

  @Flag(inversion: .prefixedNo, help: "Tell the cached tokens in usage.")
  var enablePromptTokensDetails = EngineSim.standard.reportsPromptTokenDetails

  @Option(
    help: ArgumentHelp(
      """
      Start with a fault: slow:10 (0.001 to 1000000), errors, errors:503, render-errors, hang, hang-after-head, cut, garbage, \
      slow-transfers:10, lose-blocks or refuse.
      """),
    transform: FaultArgument.read)
  var fault = FaultArgument(fault: EngineSim.standard.fault)

  func validate() throws {
    for (name, value) in [
      ("--count", count), ("--kv-cache-blocks", kvCacheBlocks), ("--block-size", blockSize),
      ("--max-num-seqs", maxNumSeqs),
      ("--max-num-batched-tokens", maxNumBatchedTokens), ("--max-model-len", maxModelLen),
      ("--default-output-tokens", defaultOutputTokens),
    ] where value < 1 {
      throw ValidationError("\(name) must be at least 1.")
    }
    guard kvCacheBlocks <= Self.maximumBlocks else {
      throw ValidationError("--kv-cache-blocks must be at most \(Self.maximumBlocks).")
    }
    guard blockSize <= Self.maximumBlockSize else {
      throw ValidationError("--block-size must be at most \(Self.maximumBlockSize).")
    }
    guard maxLoras >= 0 else { throw ValidationError("--max-loras must be at least 0.") }
    guard prefillTokensPerSecond >= 1, prefillTokensPerSecond.isFinite else {
      throw ValidationError("--prefill-tokens-per-second must be at least 1.")
    }
    guard count <= Self.maximumEngines else {
      throw ValidationError("--count must be at most \(Self.maximumEngines).")
    }
    guard (0...Self.maximumPort).contains(transfer.kvTransferPort),
      transfer.kvTransferPort == 0 || transfer.kvTransferPort + count - 1 <= Self.maximumPort
    else {
      throw ValidationError("--kv-transfer-port, and the ports after it for --count, must be from 0 to 65535.")
    }
    // No port is larger than the largest, so that the sum is a number.
    guard (0...Self.maximumPort).contains(port), port == 0 || port + count - 1 <= Self.maximumPort else {
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
    options.blockTokens = blockSize
    options.hashAlgorithm = prefixCachingHashAlgo
    options.hashSeed = hashSeed
    options.kvEvents = kvEventsConfig?.configuration
    options.kvEventFormat = KVEventFormat(
      encoding: kvEventsEncoding, hashes: kvEventsHash, replay: kvEventsReplay)
    options.kvTransfer = transfer.options
    options.encoderConnector = transfer.ecConnector
    options.servesScaleOut = enableScaleOut
    options.renderDelay = renderDelay.duration
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

  /// Blocks of the KV cache at most: its tables, about 200 bytes per block, then take less than 4 GB.
  private static let maximumBlocks = 16 << 20
  private static let maximumEngines = 4096
  private static let maximumPort = Int(UInt16.max)
  /// Tokens of a block at most.
  private static let maximumBlockSize = 1 << 16
}
