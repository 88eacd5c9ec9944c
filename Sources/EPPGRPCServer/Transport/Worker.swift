import CGRPCShim
import EPPCore
import EPPMetrics
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// One thread with one completion queue, for calls of all ports. A call stays on its worker, so its state needs no locks.
@safe final class Worker: @unchecked Sendable {
  // Unchecked: `queue` is a thread-safe object of the C core; `thread`, `listeners` and `group` are written before the thread
  // starts and read after that; `factories`, `eventCount`, `now` and `deadlines`
  // belong to the thread. The rest is atomic.

  /// The completion queue of the C core.
  let queue: OpaquePointer
  /// The worker's index in its group; worker 0 accepts calls.
  let index: Int
  private var listeners: [Listener] = []
  private weak var group: WorkerGroup?
  private let metrics: PickerMetrics.TransportSeries
  private var thread = pthread_t()
  private var factories: [any CallHandlerFactory] = []
  private var eventCount = 0
  /// The time of the current event. Belongs to the thread.
  private(set) var now = MonotonicTime(nanoseconds: 0)
  /// The deadlines of the worker's calls. Belongs to the thread.
  var deadlines = DeadlineHeap()
  /// Ports whose last connection has ended. Counted by the first worker.
  private var drainedListeners = 0

  /// Reasons to keep the queue open: one for each open call of the worker, and one until no port can assign further calls. The
  /// queue is shut down when it becomes 0; the core aborts the process when an operation is started later.
  private let holds = Atomic<Int>(1)
  /// Whether the thread sleeps outside the queue.
  private let isParked = Atomic<Bool>(false)
  /// The clock of the thread's CPU time; 0 while the thread does not run.
  private let cpuClock = Atomic<Int32>(0)

  /// Events between two checks whether the load is to be measured. The cheapest events take a microsecond.
  private static let eventsPerMeasurement = 64
  /// How long a worker without calls waits in its queue before it checks whether it is still active.
  private static let idleNanoseconds: UInt64 = 100_000_000

  /// Makes a worker without a thread.
  ///
  /// - Parameter gathersWrites: See `epp_queue_create`.
  init(index: Int, gathersWrites: Bool, metrics: PickerMetrics.TransportSeries) {
    self.index = index
    self.metrics = metrics
    unsafe queue = epp_queue_create(gathersWrites)
  }

  deinit { unsafe epp_queue_destroy(queue) }

  // MARK: - From any thread

  /// Open calls of the worker, plus 1 until all ports are drained.
  var callCount: Int { holds.load(ordering: .relaxed) }

  /// CPU time that the thread has used, in nanoseconds; 0 while it does not run.
  var cpuNanoseconds: UInt64 { epp_cpu_time(cpuClock.load(ordering: .relaxed)) }

  /// Keeps the queue open for a call until `release`, and wakes the thread.
  func hold() {
    holds.wrappingAdd(1, ordering: .sequentiallyConsistent)
    if isParked.load(ordering: .sequentiallyConsistent) { unsafe epp_queue_unpark(queue) }
  }

  /// Ends one `hold`, or the initial hold after the ports are drained. The last one shuts the queue down.
  func release() {
    guard holds.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue == 0 else { return }
    unsafe epp_queue_shutdown(queue)
    unsafe epp_queue_unpark(queue)
  }

  /// Starts the thread, which ends when the queue is shut down and empty.
  func start(serving listeners: [Listener], in group: WorkerGroup) {
    self.listeners = listeners
    self.group = group
    let this = unsafe Unmanaged.passRetained(self).toOpaque()
    let error = unsafe pthread_create(&thread, nil, runWorker, this)
    precondition(error == 0, "the system has no thread for a gRPC worker: error \(error)")
  }

  /// Waits for the end of the thread.
  func join() { pthread_join(thread, nil) }

  /// Shuts down and empties the queue of a worker whose thread was not started.
  func finishWithoutThread() {
    unsafe epp_queue_shutdown(queue)
    while unsafe epp_queue_next(queue, .max).kind != EPP_EVENT_SHUTDOWN {}
  }

  // MARK: - On the thread

  /// Returns the factory of the handlers of a port's calls on this thread.
  func factory(of listener: Listener) -> any CallHandlerFactory {
    guard let index = listeners.firstIndex(where: { $0 === listener }) else {
      preconditionFailure("a call came from a port that is not served")
    }
    return factories[index]
  }

  fileprivate func run() {
    cpuClock.store(epp_cpu_clock(), ordering: .relaxed)
    guard let group else { return }
    // Before the factories are made, so that a worker without calls has no handlers.
    if index > 0 { park() }
    factories = listeners.map { $0.makeFactory() }
    if index == 0 {
      for listener in listeners { listener.accept(with: group) }
    }
    var mayPark = false
    while true {
      if mayPark, index >= group.activeCount { park() }
      let deadline = deadlines.next?.nanoseconds
      // An idle worker checks from time to time whether it is still active.
      let isIdle = index > 0 && deadline == nil && holds.load(ordering: .relaxed) <= 1
      let limit = isIdle ? epp_monotonic_now() + Self.idleNanoseconds : .max
      let event = unsafe epp_queue_next(queue, min(deadline ?? .max, limit))
      now = MonotonicTime(nanoseconds: epp_monotonic_now())
      switch event.kind {
      case EPP_EVENT_COMPLETE:
        handle(CompletionTag(rawValue: UInt(event.tag)), success: event.success, group)
      case EPP_EVENT_TIMEOUT:
        break
      default:
        cpuClock.store(0, ordering: .relaxed)
        return
      }
      if event.held_nanoseconds > 0 { metrics.writeHold.observe(nanoseconds: event.held_nanoseconds) }
      if event.waited_while_holding { metrics.unsentWaits.increment() }
      mayPark = isIdle && event.kind == EPP_EVENT_TIMEOUT
      tellDeadlines()
      measureSometimes(group)
    }
  }

  private func tellDeadlines() {
    while let call = deadlines.takeDue(now: now) { call.deadlinePassed() }
  }

  private func measureSometimes(_ group: WorkerGroup) {
    eventCount += 1
    guard eventCount >= Self.eventsPerMeasurement else { return }
    eventCount = 0
    group.measureIfDue(now: now.nanoseconds)
  }

  /// Sleeps outside the queue until the worker gets a call, or until the queue is shut down.
  private func park() {
    isParked.store(true, ordering: .sequentiallyConsistent)
    // A `hold` before `isParked` was set does not unpark the queue.
    if holds.load(ordering: .sequentiallyConsistent) == 1 { unsafe epp_queue_park(queue) }
    isParked.store(false, ordering: .relaxed)
  }

  private func handle(_ tag: CompletionTag, success: Bool, _ group: WorkerGroup) {
    guard let operation = tag.operation else { return }
    if operation == .shutdown {
      tag.object(as: Listener.self)?.noteDrained()
      drainedListeners += 1
      // The queue tells in order, so the last call has been given to its worker by now.
      if drainedListeners == listeners.count { for worker in group.workers { worker.release() } }
      return
    }
    guard let call = tag.object(as: ServerCall.self) else { return }
    if operation == .accept, success {
      call.accepted(by: self)
    } else {
      call.completed(operation, success: success)
    }
  }
}

/// The entry function of a worker's thread. `argument` is a retained `Worker`.
private func runWorker(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument = unsafe argument else { return nil }
  unsafe Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue().run()
  return nil
}
