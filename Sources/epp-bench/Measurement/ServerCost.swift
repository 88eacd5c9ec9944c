import NIOCore

/// What the server, this client and the rest of the machine spent between two moments.
struct ServerCost: Codable, Sendable {
  /// Wall-clock seconds between the two samples.
  var seconds: Double
  /// Cores in use on average; nil without `--server-pid`.
  var serverCores: Double?
  var serverUserSeconds: Double?
  var serverSystemSeconds: Double?
  /// Resident memory at the second moment and its highest value ever, in bytes.
  var serverResidentBytes: Int?
  var serverPeakResidentBytes: Int?
  var clientCores: Double
  /// Cores that other processes used: what a noisy machine took away.
  var otherCores: Double

  /// CPU of the server for each of `count` things, in microseconds.
  func serverMicroseconds(per count: UInt64) -> Double? {
    guard let user = serverUserSeconds, let system = serverSystemSeconds, count > 0 else { return nil }
    return (user + system) * 1e6 / Double(count)
  }

  /// CPU of the client for each of `count` things, in microseconds.
  func clientMicroseconds(per count: UInt64) -> Double {
    count > 0 ? clientCores * seconds * 1e6 / Double(count) : 0
  }
}

/// One of the two moments.
struct CostSample: Sendable {
  private let time = NIODeadline.now()
  private let server: ProcessSample?
  private let client = ProcessSample.ofThisProcess()
  private let machine = MachineSample()

  /// - Parameter serverID: The server's process; nil measures the client only. Throws when it does not exist.
  init(serverID: Int?) throws { server = try serverID.map(ProcessSample.init(processID:)) }

  /// The cost from an earlier moment to this one.
  func cost(since earlier: CostSample) -> ServerCost {
    let seconds = max(Double((time - earlier.time).nanoseconds) / 1e9, 1e-9)
    let clientSeconds = (client?.cpuSeconds ?? 0) - (earlier.client?.cpuSeconds ?? 0)
    let serverSeconds = (server?.cpuSeconds ?? 0) - (earlier.server?.cpuSeconds ?? 0)
    let busySeconds = machine.busySeconds - earlier.machine.busySeconds
    var cost = ServerCost(
      seconds: seconds, clientCores: clientSeconds / seconds,
      otherCores: max(0, busySeconds - clientSeconds - serverSeconds) / seconds)
    if let server, let before = earlier.server {
      cost.serverCores = serverSeconds / seconds
      cost.serverUserSeconds = server.userSeconds - before.userSeconds
      cost.serverSystemSeconds = server.systemSeconds - before.systemSeconds
      cost.serverResidentBytes = server.residentBytes
      cost.serverPeakResidentBytes = server.peakResidentBytes
    }
    return cost
  }
}
