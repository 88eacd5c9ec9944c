import CGRPCShim

/// Asks one port for calls, on the thread of the first worker, and gives each to a worker.
final class Acceptor {
  /// Calls that wait for a client; one is posted anew for each that is accepted. The core searches all operations of a queue
  /// for each event, so more of them cost 4 % of a request at 128; calls that find none posted wait in the core.
  private static let postedCalls = 8

  let listener: Listener
  private let workers: WorkerGroup

  init(_ listener: Listener, workers: WorkerGroup) {
    self.listener = listener
    self.workers = workers
  }

  /// Posts the first calls.
  func post() {
    for _ in 0..<Self.postedCalls { postOne() }
  }

  /// Posts one more.
  func postOne() {
    ServerCall(acceptor: self, worker: workers.workerForNextCall()).request(acceptedBy: workers.first)
  }
}
