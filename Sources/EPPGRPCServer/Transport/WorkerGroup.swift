import EPPMetrics
import Synchronization

/// The workers of a server: says which of them takes the next call, by `WorkerScaling`.
///
/// All connections are accepted by the first worker, and any worker may poll for all of them; a call stays on the worker that
/// it was given to. Any thread may use it.
final class WorkerGroup: Sendable {
  /// Never empty.
  let workers: [Worker]
  private let active = Atomic<Int>(1)
  private let nextMeasurement = Atomic<UInt64>(0)
  private let state: Mutex<State>
  private let metrics: PickerMetrics.TransportSeries

  private struct State {
    var scaling: WorkerScaling
    /// CPU time of all workers at the end of the last window.
    var usedNanoseconds: UInt64 = 0
    var measuredAt: UInt64 = 0
  }

  private static let windowNanoseconds: UInt64 = 50_000_000

  /// - Parameters:
  ///   - maximum: of workers, at least 1.
  ///   - gathersWrites: see `epp_queue_create`.
  init(maximum: Int, gathersWrites: Bool, metrics: PickerMetrics.TransportSeries) {
    let maximum = max(1, maximum)
    workers = (0..<maximum).map { Worker(index: $0, gathersWrites: gathersWrites, metrics: metrics) }
    state = Mutex(State(scaling: WorkerScaling(maximum: maximum)))
    self.metrics = metrics
    metrics.writesGathered.set(gathersWrites ? 1 : 0)
    metrics.activeWorkers.set(1)
  }

  var first: Worker { workers[0] }

  /// Workers that take new calls.
  var activeCount: Int { active.load(ordering: .relaxed) }

  /// Of the workers that take calls the one with the fewest; the first has the connections to serve as well, so it gives way.
  func workerForNextCall() -> Worker {
    let count = activeCount
    guard count > 1 else { return workers[0] }
    var best = workers[count - 1]
    for index in stride(from: count - 2, through: 0, by: -1) where workers[index].callCount < best.callCount {
      best = workers[index]
    }
    return best
  }

  /// Measures the load when it is time to; cheap when it is not.
  func measureIfDue(now: UInt64) {
    guard workers.count > 1, now >= nextMeasurement.load(ordering: .relaxed) else { return }
    state.withLock { state in
      guard now >= nextMeasurement.load(ordering: .relaxed) else { return }
      nextMeasurement.store(now + Self.windowNanoseconds, ordering: .relaxed)
      let used = workers.reduce(0) { $0 + $1.cpuNanoseconds }
      if state.measuredAt > 0, now > state.measuredAt, used >= state.usedNanoseconds {
        state.scaling.measured(
          cores: Double(used - state.usedNanoseconds) / Double(now - state.measuredAt), window: state.measuredAt..<now)
        active.store(state.scaling.active, ordering: .relaxed)
        metrics.activeWorkers.set(state.scaling.active)
      }
      state.usedNanoseconds = used
      state.measuredAt = now
    }
  }

  /// Starts the threads; they end when every port is drained and the last call is over.
  func start(serving listeners: [Listener]) {
    for worker in workers { worker.start(serving: listeners, in: self) }
  }

  func join() {
    for worker in workers { worker.join() }
  }

  /// Ends the queues of a server whose threads were never started.
  func finishWithoutThreads() {
    for worker in workers { worker.finishWithoutThread() }
  }
}
