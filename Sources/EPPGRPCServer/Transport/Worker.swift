import CGRPCShim

#if canImport(Glibc)
  import Glibc
#endif

/// One thread with one completion queue for all ports. A call that is accepted here stays here, so its state needs no
/// locks.
@safe final class Worker: @unchecked Sendable {
  // Unchecked: `queue` is a thread-safe object of the C core, `thread` and `listeners` are written before and read
  // after the thread's start; everything else is touched by the thread alone.

  let queue: OpaquePointer
  private var listeners: [Listener] = []
  private var thread = pthread_t()
  /// Calls that were accepted here and are not over yet.
  private var openCalls = 0
  /// Ports that have no connection left.
  private var drainedListeners = 0

  init() { unsafe queue = epp_queue_create() }

  deinit { unsafe epp_queue_destroy(queue) }

  /// Starts the thread; it ends when the queue is shut down and empty.
  func start(serving listeners: [Listener]) {
    self.listeners = listeners
    let this = unsafe Unmanaged.passRetained(self).toOpaque()
    let error = unsafe pthread_create(&thread, nil, runWorker, this)
    precondition(error == 0, "the system has no thread for a gRPC worker: error \(error)")
  }

  /// Waits for the end of the thread, which comes when every port is drained and the last call is over.
  func join() { pthread_join(thread, nil) }

  /// Ends a queue whose thread was never started.
  func finishWithoutThread() {
    unsafe epp_queue_shutdown(queue)
    while unsafe epp_queue_next(queue, .max).kind != EPP_EVENT_SHUTDOWN {}
  }

  fileprivate func run() {
    let acceptors = listeners.map { Acceptor($0) }
    for acceptor in acceptors { unsafe acceptor.post(on: queue) }
    while true {
      let deadline = acceptors.reduce(nil) { earliest, acceptor in Self.earlier(earliest, acceptor.nextDeadline) }
      let event = unsafe epp_queue_next(queue, deadline ?? .max)
      switch event.kind {
      case EPP_EVENT_COMPLETE:
        handle(CompletionTag(rawValue: UInt(event.tag)), success: event.success)
      case EPP_EVENT_TIMEOUT:
        break
      default:
        return
      }
      for acceptor in acceptors { acceptor.checkDeadline() }
    }
  }

  private func handle(_ tag: CompletionTag, success: Bool) {
    guard let operation = tag.operation else { return }
    if operation == .shutdown {
      drainedListeners += 1
      tag.object(as: Listener.self)?.drained()
      endIfIdle()
      return
    }
    guard let call = tag.object(as: ServerCall.self) else { return }
    if operation == .accept, success {
      openCalls += 1
      unsafe call.acceptor.postOne(on: queue)
    }
    let wasAccepted = operation != .accept || success
    let isOver = call.completed(operation, success: success)
    if isOver, wasAccepted {
      openCalls -= 1
      endIfIdle()
    }
  }

  /// Ends the queue when nothing can start an operation on it any more: the core aborts the process for one that comes
  /// later. A drained port has no connection, but its calls may have events that wait in the queue.
  private func endIfIdle() {
    guard openCalls == 0, drainedListeners == listeners.count else { return }
    unsafe epp_queue_shutdown(queue)
  }

  private static func earlier(_ first: UInt64?, _ second: UInt64?) -> UInt64? {
    guard let first, let second else { return first ?? second }
    return min(first, second)
  }
}

private func runWorker(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument = unsafe argument else { return nil }
  unsafe Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue().run()
  return nil
}
