import NIOCore

/// The CPU time of the server, of this tool and of other processes between two samples, and the server's memory. Values of the
/// server are nil without `--server-pid`.
struct ServerCost: Codable, Sendable {
  /// Seconds between the samples.
  var seconds: Double
  /// Cores that the server used on average.
  var serverCores: Double?
  /// User time of the server in seconds.
  var serverUserSeconds: Double?
  /// System time of the server in seconds.
  var serverSystemSeconds: Double?
  /// Resident memory of the server at the second sample, in bytes.
  var serverResidentBytes: Int?
  /// Highest resident memory of the server since its start, in bytes.
  var serverPeakResidentBytes: Int?
  /// Cores that this tool used on average.
  var clientCores: Double
  /// Cores that other processes used on average, which may have disturbed the measurement.
  var otherCores: Double

  /// Returns the CPU time of the server divided by `count`, in microseconds.
  func serverMicroseconds(per count: UInt64) -> Double? {
    guard let user = serverUserSeconds, let system = serverSystemSeconds, count > 0 else { return nil }
    return (user + system) * 1e6 / Double(count)
  }

  /// Returns the CPU time of this tool divided by `count`, in microseconds; 0 for a count of 0.
  func clientMicroseconds(per count: UInt64) -> Double {
    count > 0 ? clientCores * seconds * 1e6 / Double(count) : 0
  }
}

/// The CPU times and memory at one time.
struct CostSample: Sendable {
  private let time = NIODeadline.now()
  private let server: ProcessSample?
  private let client = ProcessSample.ofThisProcess()
  private let machine = MachineSample()

  /// Takes a sample.
  ///
  /// - Parameter serverID: The server's process id; nil when the server is not measured.
  /// - Throws: An error when the process does not exist.
  init(serverID: Int?) throws { server = try serverID.map(ProcessSample.init(processID:)) }

  /// Returns the cost between an earlier sample and this one.
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
