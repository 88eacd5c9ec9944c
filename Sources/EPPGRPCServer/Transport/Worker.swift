import CGRPCShim
import EPPCore
import EPPMetrics
import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// One thread with one completion queue for the calls of all ports. A call that was given to it stays here, so its state needs
/// no locks.
@safe final class Worker: @unchecked Sendable {
  // Unchecked: `queue` is a thread-safe object of the C core; `thread`, `listeners` and `group` are written before the thread
  // starts and read after that; `factories`, `eventCount`, `now` and `deadlines`
  // belong to the thread. The rest is atomic.

  let queue: OpaquePointer
  let index: Int
  private var listeners: [Listener] = []
  private weak var group: WorkerGroup?
  private let metrics: PickerMetrics.TransportSeries
  private var thread = pthread_t()
  private var factories: [any CallHandlerFactory] = []
  private var eventCount = 0
  /// When the event came that is being handled. The thread's own, as are the deadlines of its calls.
  private(set) var now = MonotonicTime(nanoseconds: 0)
  var deadlines = DeadlineHeap()
  /// Ports that have no connection left; counted by the first worker, which alone hears of it.
  private var drainedListeners = 0

  /// What keeps the queue open: calls of this worker that are not over, and one more until no port can give it another call.
  /// Whoever takes the last away shuts the queue down: the core ends the process for an operation that is started after that.
  private let holds = Atomic<Int>(1)
  /// The thread sleeps outside the queue.
  private let isParked = Atomic<Bool>(false)
  /// The clock that tells the thread's CPU time; 0 until it runs.
  private let cpuClock = Atomic<Int32>(0)

  /// Between two looks at the clock; even the cheapest events take a microsecond each.
  private static let eventsPerMeasurement = 64
  /// How long a worker without calls waits in its queue before it looks whether it is needed.
  private static let idleNanoseconds: UInt64 = 100_000_000

  init(index: Int, gathersWrites: Bool, metrics: PickerMetrics.TransportSeries) {
    self.index = index
    self.metrics = metrics
    unsafe queue = epp_queue_create(gathersWrites)
  }

  deinit { unsafe epp_queue_destroy(queue) }

  // MARK: - From any thread

  /// Calls that are not over.
  var callCount: Int { holds.load(ordering: .relaxed) }

  /// CPU time that the thread has used; 0 before it runs and after its end.
  var cpuNanoseconds: UInt64 { epp_cpu_time(cpuClock.load(ordering: .relaxed)) }

  /// Keeps the queue open for one more call, and its thread awake.
  func hold() {
    holds.wrappingAdd(1, ordering: .sequentiallyConsistent)
    if isParked.load(ordering: .sequentiallyConsistent) { unsafe epp_queue_unpark(queue) }
  }

  /// Ends a `hold`, or the one that the worker begins with.
  func release() {
    guard holds.wrappingSubtract(1, ordering: .sequentiallyConsistent).newValue == 0 else { return }
    unsafe epp_queue_shutdown(queue)
    unsafe epp_queue_unpark(queue)
  }

  /// Starts the thread; it ends when the queue is shut down and empty.
  func start(serving listeners: [Listener], in group: WorkerGroup) {
    self.listeners = listeners
    self.group = group
    let this = unsafe Unmanaged.passRetained(self).toOpaque()
    let error = unsafe pthread_create(&thread, nil, runWorker, this)
    precondition(error == 0, "the system has no thread for a gRPC worker: error \(error)")
  }

  /// Waits for the end of the thread.
  func join() { pthread_join(thread, nil) }

  /// Ends a queue whose thread was never started.
  func finishWithoutThread() {
    unsafe epp_queue_shutdown(queue)
    while unsafe epp_queue_next(queue, .max).kind != EPP_EVENT_SHUTDOWN {}
  }

  // MARK: - On the thread

  /// What makes the handlers of a port's calls on this thread.
  func factory(of listener: Listener) -> any CallHandlerFactory {
    guard let index = listeners.firstIndex(where: { $0 === listener }) else {
      preconditionFailure("a call came from a port that is not served")
    }
    return factories[index]
  }

  fileprivate func run() {
    cpuClock.store(epp_cpu_clock(), ordering: .relaxed)
    guard let group else { return }
    // Before there is anything to do, so that a worker that is not needed has no handlers either.
    if index > 0 { park() }
    factories = listeners.map { $0.makeFactory() }
    if index == 0 {
      for listener in listeners { listener.accept(with: group) }
    }
    var mayPark = false
    while true {
      if mayPark, index >= group.activeCount { park() }
      let deadline = deadlines.next?.nanoseconds
      // An idle worker looks from time to time whether it is still wanted.
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

  /// Sleeps outside the queue until there is a call, or the end.
  private func park() {
    isParked.store(true, ordering: .sequentiallyConsistent)
    // One that came before `isParked` was seen wakes nobody.
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

private func runWorker(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument = unsafe argument else { return nil }
  unsafe Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue().run()
  return nil
}
