import ArgumentParser
import EPPCore

/// Flags of the ports, threads and limits of the servers.
package struct ListeningFlags: ParsableArguments {
  private static let gathering = BooleanFlag("gather-writes", default: true)
  private static let defaultReceiveLimit = "64Mi"

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
    help: ArgumentHelp(
      "Cores per thread above which another thread serves too.", valueName: "share", visibility: .hidden))
  var workerBusyShare = 0.6
  @Option(
    name: gathering.specification, defaultAsFlag: GoBoolean(true), parsing: .next,
    help: gathering.help("Answers to one connection that are ready together leave together", visibility: .hidden))
  var gatherWrites: GoBoolean?
  @Option(
    help: ArgumentHelp(
      "Largest gRPC message that is received, such as 10MiB (default: \(defaultReceiveLimit); llm-d's is 4Mi).",
      valueName: "size"))
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

  package init() {}

  /// Checks the flags, and returns their settings.
  ///
  /// - Parameter cores: Number of workers when the flag is not given.
  func checked(_ check: inout FlagCheck, cores: Int) -> ListeningSettings {
    if IPAddress(bindAddress) == nil {
      check.problem("--bind-address: '\(bindAddress)' is not an IP address such as 0.0.0.0, 127.0.0.1 or ::")
    }
    checkPorts(&check)
    if let workers, !(1...1024).contains(workers) { check.problem("--workers: \(workers) is not from 1 to 1024") }
    if !(0...1).contains(workerBusyShare) {
      check.problem("--worker-busy-share: \(workerBusyShare) is not from 0 to 1")
    }
    if !(1...Int(Int32.max)).contains(maxConcurrentStreams) {
      check.problem("--max-concurrent-streams: \(maxConcurrentStreams) is not from 1 to \(Int32.max)")
    }
    return ListeningSettings(
      bindAddress: bindAddress, grpcPort: grpcPort, healthPort: grpcHealthPort, metricsPort: metricsPort,
      workers: workers ?? cores, workerBusyShare: workerBusyShare,
      gathersWrites: check.boolean(gatherWrites, Self.gathering),
      maximumReceiveMessageBytes: receiveLimit(&check), maximumConcurrentStreams: maxConcurrentStreams,
      drainTimeout: check.duration(drainTimeout, "--drain-timeout", mayBeZero: true))
  }

  private func checkPorts(_ check: inout FlagCheck) {
    let ports = [("--grpc-port", grpcPort), ("--grpc-health-port", grpcHealthPort), ("--metrics-port", metricsPort)]
    for (flag, port) in ports where !(0...65_535).contains(port) {
      check.problem("\(flag): \(port) is not a port (1 to 65535, or 0 for a free one)")
    }
    for (index, (flag, port)) in ports.enumerated() {
      for (other, otherPort) in ports.dropFirst(index + 1) where port == otherPort && port != 0 {
        check.problem("\(flag) and \(other) are both \(port): each needs a port of its own")
      }
    }
  }

  private func receiveLimit(_ check: inout FlagCheck) -> Int {
    if check.bytes(grpcMaxSendMsgSize, "--grpc-max-send-msg-size", mayBeZero: true) != nil {
      check.warnings.append("--grpc-max-send-msg-size has no effect: messages hold at most 62,000 bytes of a body")
    }
    let flag = "--grpc-max-recv-msg-size"
    let given = check.bytes(grpcMaxRecvMsgSize, flag, mayBeZero: true)
    let limit = given ?? check.bytes(Self.defaultReceiveLimit, flag) ?? 0
    // gRPC keeps the limit in a C int.
    if limit > Int(Int32.max) { check.problem("\(flag) has to be less than 2Gi") }
    return limit
  }
}

/// The settings of the servers, from `ListeningFlags`.
package struct ListeningSettings: Sendable, Equatable {
  /// IP literal of the address to bind.
  package var bindAddress: String
  /// Port of ext_proc and health; 0 binds a free port.
  package var grpcPort: Int
  /// Port of gRPC health alone; 0 binds a free port.
  package var healthPort: Int
  /// Port of the metrics server; 0 binds a free port.
  package var metricsPort: Int
  /// Threads that serve ext_proc at most.
  package var workers: Int
  /// Cores per thread above which another thread serves too, 0...1.
  package var workerBusyShare: Double
  /// Whether several writes to one connection may be sent with one system call.
  package var gathersWrites: Bool
  /// Bytes of one received gRPC message at most.
  package var maximumReceiveMessageBytes: Int
  /// Open ext_proc streams per connection at most.
  package var maximumConcurrentStreams: Int
  /// Longest time after SIGTERM in which streams are served.
  package var drainTimeout: Duration

  /// The ports with the names of their flags.
  var ports: [(flag: String, port: Int)] {
    [("--grpc-port", grpcPort), ("--grpc-health-port", healthPort), ("--metrics-port", metricsPort)]
  }
}
