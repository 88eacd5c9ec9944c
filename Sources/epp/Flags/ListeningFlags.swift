import ArgumentParser
import EPPConfiguration

/// Ports, threads and the life of the server.
struct ListeningFlags: ParsableArguments {
  @Option(help: ArgumentHelp("IP address to listen on; :: is all IPv6 and IPv4 interfaces.", valueName: "ip"))
  var bindAddress = "0.0.0.0"
  @Option(help: ArgumentHelp("Port of ext_proc; 0 takes a free one and prints it, here and below.", valueName: "port"))
  var grpcPort = 9002
  @Option(help: ArgumentHelp("Port of gRPC health checks alone, always plain text.", valueName: "port"))
  var grpcHealthPort = 9003
  @Option(help: ArgumentHelp("Port of /metrics, /healthz and /readyz.", valueName: "port"))
  var metricsPort = 9090
  @Option(
    help: ArgumentHelp(
      "Most threads that serve ext_proc (default: one per core). One serves until it is busy; affinity and CPU limits count.",
      valueName: "count"))
  var workers: Int?
  @Option(
    name: .customLong("gather-writes"), defaultAsFlag: GoBoolean(true), parsing: .next,
    help: ArgumentHelp(
      "Answers to one connection that are ready together leave together (default: true).", valueName: "bool",
      visibility: .hidden))
  var gatherWrites: GoBoolean?
  @Option(
    help: ArgumentHelp(
      "Largest gRPC message that is received, such as 10MiB (default: 64Mi; llm-d's is 4Mi).", valueName: "size"))
  var grpcMaxRecvMsgSize: String?
  @Option(
    help: ArgumentHelp("Has no effect: messages that are sent are small.", valueName: "size", visibility: .hidden))
  var grpcMaxSendMsgSize: String?
  @Option(help: ArgumentHelp("Open ext_proc streams per connection.", valueName: "count"))
  var maxConcurrentStreams = 100_000
  @Option(
    help: ArgumentHelp(
      "Longest time after SIGTERM in which streams are served; it ends early with the last connection.",
      valueName: "duration"))
  var drainTimeout = "30s"

  func apply(to options: inout ServeOptions) {
    options.bindAddress = bindAddress
    options.grpcPort = grpcPort
    options.healthPort = grpcHealthPort
    options.metricsPort = metricsPort
    options.workers = workers
    options.gathersWrites = gatherWrites.read("--gather-writes", into: &options) ?? true
    options.maximumReceiveMessage = grpcMaxRecvMsgSize
    options.maximumSendMessage = grpcMaxSendMsgSize
    options.maximumConcurrentStreams = maxConcurrentStreams
    options.drainTimeout = drainTimeout
  }
}
