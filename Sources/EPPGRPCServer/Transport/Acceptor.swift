import CGRPCShim

/// Accepts the calls of one port and distributes them to workers. Use it on the thread of the first worker only.
final class Acceptor {
  /// Accept operations that are posted at one time. The core searches all operations of a queue for each event: 128 operations
  /// cost 4 % of a request. A call that finds no posted operation waits in the core.
  private static let postedCalls = 8

  /// The port.
  let listener: Listener
  private let workers: WorkerGroup

  init(_ listener: Listener, workers: WorkerGroup) {
    self.listener = listener
    self.workers = workers
  }

  /// Posts the first accept operations.
  func post() {
    for _ in 0..<Self.postedCalls { postOne() }
  }

  /// Posts one accept operation, for a call of the next worker.
  func postOne() {
    ServerCall(acceptor: self, worker: workers.workerForNextCall()).request(acceptedBy: workers.first)
  }
}
