import ArgumentParser
import EngineSimulator

/// The flags with which engines hand KV cache blocks to each other.
struct TransferFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      How blocks of prompts are handed to other engines: nixlv2, sglang, mooncake, shared-storage or offloading. Without it the \
      engine works alone.
      """, valueName: "name"))
  var kvConnector: KVTransferOptions.Connector?

  @Option(
    help: ArgumentHelp(
      """
      Which of both engines this one is; for sglang, which needs it: prefill or decode. A request without bootstrap fields is \
      computed here; real engines in these modes answer it with 400.
      """, valueName: "mode"))
  var disaggregationMode: KVTransferOptions.DisaggregationMode?

  @Option(
    help: ArgumentHelp("The address of the side channel that answers name; --host without it.", valueName: "host"))
  var kvTransferHost: String?

  @Option(
    help: ArgumentHelp(
      """
      The port on which other engines fetch blocks (side channel, bootstrap server, peer-to-peer tier); 0 takes any that is free. \
      Engine N of --count takes N-1 more.
      """, valueName: "port"))
  var kvTransferPort = 0

  @Option(help: "The time that this engine takes to send 1,000 tokens, or to read them from the shared storage.")
  var kvTransferTime = DurationArgument(duration: .zero)

  @Option(
    help: "What becomes of a request whose blocks cannot be loaded: it fails, or its prompt is computed (recompute).")
  var kvLoadFailurePolicy = KVTransferOptions.LoadFailurePolicy.fail

  @Option(help: "How long a request waits for its blocks.")
  var kvTransferTimeout = DurationArgument(duration: .seconds(30))

  @Option(help: "How long the blocks of a prompt are kept for those who may fetch them.")
  var kvLeaseDuration = DurationArgument(duration: .seconds(30))

  @Option(help: ArgumentHelp("The directory of the blocks, for shared-storage, which needs it.", valueName: "dir"))
  var kvSharedStorage: String?

  @Option(
    help: ArgumentHelp(
      """
      Work as an encode engine for images, sounds and videos: ec-nixl tells in ec_transfer_params where the encoder's output is, \
      ec-example does not.
      """, valueName: "name"))
  var ecConnector: EncoderConnector?

  func validate() throws {
    if kvConnector == .sglang, disaggregationMode == nil {
      throw ValidationError("--kv-connector sglang needs --disaggregation-mode prefill or decode.")
    }
    if kvConnector != .sglang, disaggregationMode != nil {
      throw ValidationError("--disaggregation-mode is for --kv-connector sglang.")
    }
    if (kvConnector == .sharedStorage) != (kvSharedStorage != nil) {
      throw ValidationError("--kv-connector shared-storage and --kv-shared-storage need each other.")
    }
    guard kvTransferTimeout.duration > .zero, kvLeaseDuration.duration > .zero else {
      throw ValidationError("--kv-transfer-timeout and --kv-lease-duration must be more than 0.")
    }
  }

  /// The options; nil for an engine that works alone.
  var options: KVTransferOptions? {
    guard let kvConnector else { return nil }
    var options = KVTransferOptions(kvConnector)
    options.host = kvTransferHost
    options.port = kvTransferPort
    options.timePerThousandTokens = kvTransferTime.duration
    options.loadFailurePolicy = kvLoadFailurePolicy
    options.timeout = kvTransferTimeout.duration
    options.lease = kvLeaseDuration.duration
    options.mode = disaggregationMode ?? .decode
    options.storage = kvSharedStorage
    return options
  }
}
