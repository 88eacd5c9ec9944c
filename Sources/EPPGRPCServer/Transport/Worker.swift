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

  init() { unsafe queue = epp_queue_create() }

  deinit { unsafe epp_queue_destroy(queue) }

  /// Starts the thread; it ends when the queue is shut down and empty.
  func start(serving listeners: [Listener]) {
    self.listeners = listeners
    let this = unsafe Unmanaged.passRetained(self).toOpaque()
    let error = unsafe pthread_create(&thread, nil, runWorker, this)
    precondition(error == 0, "the system has no thread for a gRPC worker: error \(error)")
  }

  /// Ends the thread. Only after every listener has said that it is drained.
  func finish() {
    unsafe epp_queue_shutdown(queue)
    pthread_join(thread, nil)
  }

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
      tag.object(as: Listener.self)?.drained()
      return
    }
    guard let call = tag.object(as: ServerCall.self) else { return }
    if operation == .accept, success { unsafe call.acceptor.postOne(on: queue) }
    call.completed(operation, success: success)
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
