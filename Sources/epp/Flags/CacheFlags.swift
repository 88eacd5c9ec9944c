import ArgumentParser
import EPPConfiguration

/// How the engines' prefix caches are followed.
struct CacheFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      """
      What is known of the engines' caches: auto (their KV events where they arrive, own picks elsewhere), approximate (own \
      picks alone) or precise (KV events alone where a request's tokens are known).
      """, valueName: "mode"))
  var prefixMode = "auto"
  @Option(
    help: ArgumentHelp(
      """
      Port on which every engine publishes its KV events by ZeroMQ (vLLM: endpoint in --kv-events-config, 5557 by \
      default); 0: none but those that the endpoints file names.
      """, valueName: "port"))
  var kvEventsPort: Int?
  @Option(
    help: ArgumentHelp(
      "Port of every engine's replay socket (vLLM: replay_endpoint). Without it, what was missed is found by prompts alone.",
      valueName: "port"))
  var kvReplayPort: Int?
  @Option(
    help: ArgumentHelp(
      "Data-parallel ranks behind one endpoint: rank r publishes on the port plus r (default: 1).", valueName: "count"))
  var kvDataParallelSize: Int?
  @Option(
    help: ArgumentHelp(
      """
      Listen here for engines that connect to the picker, such as tcp://*:5557. Their topic has to be \
      kv@<ip:port>@<model>.
      """, valueName: "address"))
  var kvEventsBind: String?
  @Option(
    name: .customLong("speculative-prefix"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp(
      "Count what was just sent to an engine before its events announce it (default: true).", valueName: "bool"))
  var speculativePrefix: GoBoolean?
  @Option(
    help: ArgumentHelp(
      """
      Where token ids of texts come from, for engines whose KV events are followed: render (the engines' own render or \
      tokenize endpoints) or none (texts are matched by their bytes).
      """, valueName: "source"))
  var tokenSource = "render"
  @Option(
    help: ArgumentHelp(
      "How long a request waits for its token ids; then it is matched by its bytes.", valueName: "duration"))
  var tokenDeadline = "20ms"
  @Option(help: ArgumentHelp("Memory for the index of cached prefixes.", valueName: "size"))
  var maxIndexBytes = "2Gi"
  @Option(
    help: ArgumentHelp(
      "File in which the index is kept across restarts: written every 30s, read at the start.", valueName: "file"))
  var indexSnapshot: String?
  @Option(
    help: ArgumentHelp(
      """
      File with the secret that block keys are made with, 32 hexadecimal digits; made when it is not there. Default: beside \
      the snapshot, else a new one with each start.
      """, valueName: "file"))
  var hashSecretFile: String?

  func apply(to options: inout ServeOptions) {
    options.prefixMode = prefixMode
    options.kvEventsPort = kvEventsPort
    options.kvReplayPort = kvReplayPort
    options.kvDataParallelSize = kvDataParallelSize
    options.kvEventsBind = kvEventsBind
    options.speculativePrefix = speculativePrefix.read("--speculative-prefix", into: &options)
    options.tokenSource = tokenSource
    options.tokenDeadline = tokenDeadline
    options.maximumIndex = maxIndexBytes
    options.indexSnapshot = indexSnapshot
    options.hashSecretFile = hashSecretFile
  }
}
