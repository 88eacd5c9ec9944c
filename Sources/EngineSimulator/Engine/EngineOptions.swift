/// The options of a simulated engine. The terms are those of vLLM's flags.
package struct EngineOptions: Sendable {
  /// Names of the model; responses and metrics have the first one.
  package var models: [String] = ["engine-sim"]
  /// Blocks of the KV cache, of `blockTokens` tokens each; at least 1.
  package var cacheBlocks = 8192
  /// Tokens in a block of the KV cache; at least 1.
  package var blockTokens = 16
  /// The serialisation of blocks for their hashes.
  package var hashAlgorithm = HashAlgorithm.sha256CBOR
  /// The seed of the hashes of blocks; vLLM's `PYTHONHASHSEED`.
  package var hashSeed = BlockHasher.defaultSeed
  /// Prompt tokens computed per second, at least 1. Tokens found in the prefix cache take no time.
  package var prefillTokensPerSecond = 8000.0
  /// Time of a step that decodes, in addition to prefill, independent of the size of the batch.
  package var interTokenLatency = Duration.milliseconds(10)
  /// Requests in the running batch at most.
  package var maximumRunningRequests = 64
  /// Tokens computed in one step at most: one for each decoding request, the rest for prefill.
  package var maximumBatchedTokens = 2048
  /// Tokens of prompt and answer together at most.
  package var maximumModelTokens = 131_072
  /// Tokens after which the model ends the answer to a chat request that sets no limit.
  package var defaultOutputTokens = 128
  /// Names of the adapters that are loaded at the start.
  package var adapters: [String] = []
  /// Adapters in the running batch at one time at most; 0 turns LoRA off.
  package var maximumAdapters = 4
  /// Whether usage has the number of cached tokens, vLLM's `--enable-prompt-tokens-details`.
  package var reportsPromptTokenDetails = true
  /// Where KV events are published; nil turns them off.
  package var kvEvents: KVEventsConfiguration?
  /// The format of KV events.
  package var kvEventFormat = KVEventFormat()
  /// How blocks are handed to other engines; nil for an engine that works alone.
  package var kvTransfer: KVTransferOptions?
  /// How the engine hands on what it has computed from images; nil for an engine that does not.
  package var encoderConnector: EncoderConnector?
  /// Whether the `/render` paths are served, vLLM's `--enable-scale-out`.
  package var servesScaleOut = true
  /// Delay of every response with the tokens of a prompt (render and tokenize).
  package var renderDelay = Duration.zero
  /// The fault of the engine at the start.
  package var fault = EngineFault.none

  package init() {}

  /// Whether the engine records KV events.
  package var recordsCacheEvents: Bool { kvEvents != nil }

  /// Tokens of the longest sequence that can be served. The cache is a limit too (vLLM's `--max-model-len auto`): a sequence
  /// that does not fit the whole cache would wait for ever.
  package var contextTokens: Int { min(maximumModelTokens, cacheBlocks * blockTokens) }

  /// The model's name in responses and metrics.
  package var modelName: String { models.first ?? "engine-sim" }
}
