import CGRPCShim

#if canImport(Glibc)
  import Glibc
#endif

/// One thread with one completion queue. A call that is accepted here stays here, so its state needs no locks.
@safe final class Worker: @unchecked Sendable {
  // Unchecked: `queue` and `server` are thread-safe objects of the C core, `thread` is written before and read after
  // the thread's life; everything else is touched by the thread alone.

  /// Calls that wait for a client on each queue; one is posted anew for each that is accepted.
  private static let postedCalls = 128

  let queue: OpaquePointer
  private let server: OpaquePointer
  private let makeFactory: @Sendable () -> any CallHandlerFactory
  private let onShutdown: @Sendable () -> Void
  private var thread = pthread_t()

  init(
    server: OpaquePointer, makeFactory: @escaping @Sendable () -> any CallHandlerFactory,
    onShutdown: @escaping @Sendable () -> Void
  ) {
    unsafe self.server = server
    unsafe queue = epp_queue_create()
    self.makeFactory = makeFactory
    self.onShutdown = onShutdown
    unsafe epp_server_register_queue(server, queue)
  }

  deinit { unsafe epp_queue_destroy(queue) }

  /// Starts the thread; it ends when the queue is shut down and empty.
  func start() {
    let this = unsafe Unmanaged.passRetained(self).toOpaque()
    let error = unsafe pthread_create(&thread, nil, runWorker, this)
    precondition(error == 0, "the system has no thread for a gRPC worker: error \(error)")
  }

  func join() { pthread_join(thread, nil) }

  /// Empties the queue of a server that was never started.
  func drainWithoutThread() {
    while unsafe epp_queue_next(queue, .max).kind != EPP_EVENT_SHUTDOWN {}
  }

  /// The tag that says on this queue that the server has no more calls.
  var shutdownTag: UInt { CompletionTag(self, .shutdown).rawValue }

  fileprivate func run() {
    let factory = makeFactory()
    for _ in 0..<Self.postedCalls { post(factory) }
    while true {
      let event = unsafe epp_queue_next(queue, factory.nextDeadline ?? .max)
      switch event.kind {
      case EPP_EVENT_COMPLETE:
        let tag = CompletionTag(rawValue: UInt(event.tag))
        handle(tag, success: event.success, factory)
      case EPP_EVENT_TIMEOUT:
        break
      default:
        return
      }
      if let deadline = factory.nextDeadline {
        let now = epp_monotonic_now()
        if now >= deadline { factory.deadlinePassed(now: now) }
      }
    }
  }

  private func handle(_ tag: CompletionTag, success: Bool, _ factory: any CallHandlerFactory) {
    guard let operation = tag.operation else { return }
    if operation == .shutdown {
      onShutdown()
      return
    }
    guard let call = tag.object(as: ServerCall.self) else { return }
    if operation == .accept, success { post(factory) }
    call.completed(operation, success: success)
  }

  private func post(_ factory: any CallHandlerFactory) {
    _ = unsafe ServerCall(factory: factory).request(server: server, queue: queue)
  }
}

private func runWorker(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument = unsafe argument else { return nil }
  unsafe Unmanaged<Worker>.fromOpaque(argument).takeRetainedValue().run()
  return nil
}
