/// How a simulated engine behaves. The words are those of vLLM's flags.
package struct EngineOptions: Sendable {
  /// Names that the model is served under; answers and metrics carry the first one.
  package var models: [String] = ["engine-sim"]
  /// Blocks in the KV cache, of `blockTokens` tokens each; at least 1.
  package var cacheBlocks = 8192
  /// Tokens in a block of the KV cache; at least 1.
  package var blockTokens = 16
  /// How blocks are named.
  package var hashAlgorithm = HashAlgorithm.sha256CBOR
  /// What the first block of every sequence is hashed with; vLLM's `PYTHONHASHSEED`.
  package var hashSeed = BlockHasher.defaultSeed
  /// Prompt tokens computed in a second, at least 1; tokens found in the prefix cache cost nothing.
  package var prefillTokensPerSecond = 8000.0
  /// What one engine step costs when it decodes, whatever the size of the batch.
  package var interTokenLatency = Duration.milliseconds(10)
  /// Requests in the running batch.
  package var maximumRunningRequests = 64
  /// Tokens computed in one step: one for each decoding request, the rest for prefill.
  package var maximumBatchedTokens = 2048
  /// Prompt and answer together, in tokens.
  package var maximumModelTokens = 131_072
  /// Tokens after which the model ends an answer by itself, for a chat request that sets no limit.
  package var defaultOutputTokens = 128
  /// Adapters that are loaded at the start.
  package var adapters: [String] = []
  /// Adapters that the running batch may hold at a time; 0 turns LoRA off.
  package var maximumAdapters = 4
  /// Whether usage names the cached tokens, vLLM's `--enable-prompt-tokens-details`.
  package var reportsPromptTokenDetails = true
  /// Where changes of the prefix cache are published; nil for nowhere.
  package var kvEvents: KVEventsConfiguration?
  /// How those changes are written.
  package var kvEventFormat = KVEventFormat()
  /// Whether a request's tokens can be asked for without an answer, vLLM's `--enable-scale-out`.
  package var servesScaleOut = true
  /// How long every answer to such a question is held back.
  package var renderDelay = Duration.zero
  /// What is wrong with the engine from the start.
  package var fault = EngineFault.none

  package init() {}

  /// Whether the engine keeps account of what changes in its prefix cache.
  package var recordsCacheEvents: Bool { kvEvents != nil }

  /// The longest sequence that can be served: a sequence that the whole cache cannot hold would wait for ever, so the
  /// cache is a limit too (vLLM's `--max-model-len auto`).
  package var contextTokens: Int { min(maximumModelTokens, cacheBlocks * blockTokens) }

  /// The name that answers and metrics carry.
  package var modelName: String { models.first ?? "engine-sim" }
}
