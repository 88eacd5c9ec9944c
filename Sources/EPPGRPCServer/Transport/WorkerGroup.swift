import EPPMetrics
import Synchronization

/// The workers of a server. Assigns calls to workers; `WorkerScaling` decides how many workers get calls.
///
/// The first worker accepts all calls, and any worker may poll for all connections. A call stays on its worker. Any thread may
/// use the group.
final class WorkerGroup: Sendable {
  /// All workers, with or without calls; never empty.
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

  /// Time between two measurements of the load, in nanoseconds.
  private static let windowNanoseconds: UInt64 = 50_000_000

  /// Makes workers without threads.
  ///
  /// - Parameters:
  ///   - maximum: Number of workers; at least 1 is made.
  ///   - busyShare: See `WorkerScaling`.
  ///   - gathersWrites: See `epp_queue_create`.
  init(maximum: Int, busyShare: Double, gathersWrites: Bool, metrics: PickerMetrics.TransportSeries) {
    let maximum = max(1, maximum)
    workers = (0..<maximum).map { Worker(index: $0, gathersWrites: gathersWrites, metrics: metrics) }
    state = Mutex(State(scaling: WorkerScaling(maximum: maximum, busyShare: busyShare)))
    self.metrics = metrics
    metrics.writesGathered.set(gathersWrites ? 1 : 0)
    metrics.activeWorkers.set(1)
  }

  /// The worker that accepts all calls.
  var first: Worker { workers[0] }

  /// Number of workers that get new calls: the first ones of `workers`.
  var activeCount: Int { active.load(ordering: .relaxed) }

  /// Returns the active worker with the fewest calls. Of equal ones the last is preferred, because the first worker also
  /// accepts calls.
  func workerForNextCall() -> Worker {
    let count = activeCount
    guard count > 1 else { return workers[0] }
    var best = workers[count - 1]
    for index in stride(from: count - 2, through: 0, by: -1) where workers[index].callCount < best.callCount {
      best = workers[index]
    }
    return best
  }

  /// Measures the load and updates `activeCount`, at most once per 50 ms; otherwise costs one atomic load.
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

  /// Starts the threads, which end when every port is drained and the last call has ended.
  func start(serving listeners: [Listener]) {
    for worker in workers { worker.start(serving: listeners, in: self) }
  }

  /// Waits for the end of all threads.
  func join() {
    for worker in workers { worker.join() }
  }

  /// Shuts down the queues of a server whose threads were not started.
  func finishWithoutThreads() {
    for worker in workers { worker.finishWithoutThread() }
  }
}
