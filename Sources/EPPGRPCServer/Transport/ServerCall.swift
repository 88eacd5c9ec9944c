import CGRPCShim
import EPPCore
import Synchronization

/// One call on the C core: starts batches, queues outgoing messages, detects the end of the call.
///
/// Use it on the thread of its worker only, except `wake()`. It keeps itself alive from `request` until its last operation has
/// completed.
///
/// At least one operation is in flight until the call has ended, so that the end is always detected: a receive, which fails
/// when the client is gone, or a receive-close operation, which is started when nothing is being received. The receive-close is
/// not started earlier, because the core searches all operations of a queue for each event.
@safe final class ServerCall: DeadlineOwner {
  /// The operation in the batch of the last queued message.
  enum Next {
    /// Receive the next message.
    case receive
    /// No further operation.
    case nothing
    /// End the call with a status.
    case close(StatusCode, String?)
  }

  private let call: OpaquePointer
  /// Accepts the calls of the port.
  private let acceptor: Acceptor
  private let worker: Worker
  private var handler: (any CallHandler)?
  /// Batches that have not completed. Atomic because any thread may call `wake()`.
  private let pending = Atomic<Int>(0)
  var deadlinePosition: Int?
  private var sentInitialMetadata = false
  private var sentStatus = false
  /// Whether a batch with a message has not completed. The core takes one such batch at a time, and needs its bytes until then.
  private var isSending = false
  /// Whether a receive-close operation was started.
  private var awaitsEnd = false
  private var isClosed = false
  /// The slices of all queued messages.
  private var outgoing = SliceList()
  /// The end of each queued message: an index in the slices of `outgoing`.
  private var messageEnds: [Int] = []
  private var nextMessage = 0
  private var next = Next.nothing

  init(acceptor: Acceptor, worker: Worker) {
    unsafe call = epp_call_create()
    self.acceptor = acceptor
    self.worker = worker
  }

  deinit { unsafe epp_call_destroy(call) }

  // MARK: - Called by workers

  /// Posts an operation that accepts a call of a client. The object is released when the core refuses the operation.
  ///
  /// - Parameter accepting: The worker whose queue completes the operation.
  func request(acceptedBy accepting: Worker) {
    let this = unsafe Unmanaged.passRetained(self)
    pending.store(1, ordering: .relaxed)
    if unsafe !epp_call_request(
      call, acceptor.listener.server, worker.queue, accepting.queue, CompletionTag(self, .accept).rawValue)
    {
      unsafe this.release()
    }
  }

  /// Handles an accepted call: posts the next accept operation, and begins the call on the thread of its worker.
  func accepted(by accepting: Worker) {
    acceptor.postOne()
    worker.hold()
    if worker === accepting {
      completed(.begin, success: true)
    } else {
      // What this thread has written is seen there: the worker's side reads `pending` too.
      pending.store(1, ordering: .releasing)
      notify(.begin)
    }
  }

  /// Handles the completion of an operation.
  func completed(_ operation: CompletionTag.Operation, success: Bool) {
    switch operation {
    case .accept:
      // Only a server that takes no more ends the wait without a call.
      unsafe Unmanaged.passUnretained(self).release()
      return
    case .begin:
      _ = pending.load(ordering: .acquiring)
      begin()
    case .receive:
      deliver(success: success)
    case .send:
      messageSent(success: success)
      if isIdle { handler?.sent() }
    case .sendAndReceive:
      messageSent(success: success)
      deliver(success: success)
    case .sendAndClose:
      messageSent(success: success)
      end()
    case .status:
      break
    case .close:
      end()
    case .wake:
      if !isClosed { handler?.woken() }
    case .shutdown:
      break
    }
    if !isClosed, !awaitsEnd, pending.load(ordering: .relaxed) == 1 {
      awaitsEnd = true
      start(EPP_RECEIVE_CLOSE.rawValue, .close)
    }
    guard pending.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
    handler = nil
    let worker = worker
    unsafe Unmanaged.passUnretained(self).release()
    worker.release()
  }

  /// The first value that the client has sent with the call under a name in lower case; nil for none.
  func metadata(_ name: String) -> String? {
    var count = 0
    guard let bytes = unsafe epp_call_metadata(call, name, &count) else { return nil }
    return unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  }

  private func begin() {
    var count = 0
    let bytes = unsafe epp_call_method(call, &count)
    let method = unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    handler = worker.factory(of: acceptor.listener).makeHandler(method: method, call: self)
    if handler == nil {
      close(.unimplemented, "unknown method \(method)")
    } else {
      receive()
    }
  }

  private func end() {
    isClosed = true
    worker.deadlines.remove(self)
    handler?.closed()
  }

  /// Called at the time of `setDeadline`.
  func deadlinePassed() { handler?.deadlinePassed() }

  private func deliver(success: Bool) {
    guard !isClosed, let handler else { return }
    let count = success ? unsafe epp_call_received_slice_count(call) : -1
    guard count >= 0 else {
      handler.received(nil)
      return
    }
    let slices = unsafe [epp_slice](unsafeUninitializedCapacity: count) { buffer, initialized in
      guard let base = buffer.baseAddress else { return }
      initialized = unsafe epp_call_take_received(call, base, count)
    }
    // An empty message has no slices, and its buffer still has to go.
    if count == 0 {
      var none = epp_slice()
      _ = unsafe epp_call_take_received(call, &none, 0)
    }
    handler.received(SliceList(owning: slices))
  }

  private func messageSent(success: Bool) {
    unsafe epp_call_finish_send(call)
    isSending = false
    if success { sendQueued() } else { dropOutgoing() }
  }

  /// Whether a message could be sent at once: the call is open, and no message is being sent.
  private var isIdle: Bool { isOpen && !isSending }

  // MARK: - Called by the handler

  /// The time of the current event.
  var now: MonotonicTime { worker.now }

  /// Sets the time at which the handler's `deadlinePassed` is called; replaces an earlier one, and nil removes it.
  func setDeadline(_ time: MonotonicTime?) {
    if let time, !isClosed { worker.deadlines.set(time, for: self) } else { worker.deadlines.remove(self) }
  }

  /// Whether a message may still be sent.
  var isOpen: Bool { !isClosed && !sentStatus }

  /// Asks for the client's next message.
  func receive() {
    guard isOpen else { return }
    start(EPP_RECEIVE_MESSAGE.rawValue, .receive)
  }

  /// Queues a message.
  ///
  /// - Parameter add: Appends the message's bytes.
  func enqueue(_ add: (inout SliceList) -> Void) {
    add(&outgoing)
    messageEnds.append(outgoing.slices.count)
  }

  /// Sends the queued messages one after the other, and performs `next` in the batch of the last message; at once when none is
  /// queued.
  ///
  /// With `.receive` the batch completes only when the next message has come, and nothing else can be sent before. Use
  /// `.nothing` and `receive()` where this may be needed.
  func flush(then next: Next) {
    self.next = next
    if !isSending { sendQueued() }
  }

  private func sendQueued() {
    guard isOpen else { return dropOutgoing() }
    if nextMessage < messageEnds.count { return sendNextMessage() }
    let next = next
    self.next = .nothing
    switch next {
    case .receive: receive()
    case .nothing: break
    case .close(let code, let message): close(code, message)
    }
  }

  /// Ends the call with a status.
  func close(_ code: StatusCode, _ message: String? = nil) {
    guard isOpen else { return }
    var operations: UInt32 = 0
    if !sentInitialMetadata { operations |= EPP_SEND_INITIAL_METADATA.rawValue }
    sentInitialMetadata = true
    // A message may be on its way, whose bytes the core needs until that completes.
    let completion = addStatus(to: &operations) ? CompletionTag.Operation.close : .status
    start(operations, completion, status: code, statusMessage: message)
  }

  /// Adds the status to a batch, and a receive-close operation unless one was started. Returns whether it added the
  /// receive-close, so that the batch completes with the end of the call.
  private func addStatus(to operations: inout UInt32) -> Bool {
    operations |= EPP_SEND_STATUS.rawValue
    sentStatus = true
    guard !awaitsEnd else { return false }
    awaitsEnd = true
    operations |= EPP_RECEIVE_CLOSE.rawValue
    return true
  }

  /// Makes the call's thread call the handler's `woken()`. Any thread may call it, but only while the call is open: the caller
  /// holds a lock that the handler takes in `closed()` too.
  func wake() {
    pending.wrappingAdd(1, ordering: .relaxed)
    notify(.wake)
  }

  /// Completes an operation on the thread of the call. `pending` has to count it already.
  private func notify(_ operation: CompletionTag.Operation) {
    // An empty batch completes at once, on the queue of the call.
    var batch = unsafe epp_batch()
    let isStarted = unsafe epp_call_start(call, &batch, CompletionTag(self, operation).rawValue)
    precondition(isStarted, "the gRPC core refuses an empty batch")
  }

  private func sendNextMessage() {
    let begin = nextMessage == 0 ? 0 : messageEnds[nextMessage - 1]
    let end = messageEnds[nextMessage]
    nextMessage += 1
    let isLast = nextMessage == messageEnds.count
    var operations = EPP_SEND_MESSAGE.rawValue
    var completion = CompletionTag.Operation.send
    var status = StatusCode.ok
    var statusMessage: String?
    // With the hint the core does not begin a write, and a batch with initial metadata completes only when that is
    // written: the first message goes without it.
    let mayWait = !isLast && sentInitialMetadata
    if !sentInitialMetadata { operations |= EPP_SEND_INITIAL_METADATA.rawValue }
    sentInitialMetadata = true
    if isLast {
      let next = next
      self.next = .nothing
      switch next {
      case .receive:
        operations |= EPP_RECEIVE_MESSAGE.rawValue
        completion = .sendAndReceive
      case .nothing:
        break
      case .close(let code, let message):
        completion = addStatus(to: &operations) ? .sendAndClose : .send
        status = code
        statusMessage = message
      }
    }
    start(
      operations, completion, message: begin..<end, mayWait: mayWait, status: status, statusMessage: statusMessage)
    // The core holds its own references now: ours would keep the body in memory until the answer comes.
    if isLast { dropOutgoing() }
  }

  private func dropOutgoing() {
    outgoing.removeAll()
    messageEnds.removeAll(keepingCapacity: true)
    nextMessage = 0
  }

  /// Starts a batch.
  ///
  /// - Parameters:
  ///   - operations: Bits of `EPP_SEND_MESSAGE` and others.
  ///   - completion: The operation that completes with the batch.
  ///   - message: Range in the slices of `outgoing` of the message to send.
  ///   - mayWait: Whether the core may delay the write until the next message.
  private func start(
    _ operations: UInt32, _ completion: CompletionTag.Operation, message: Range<Int> = 0..<0, mayWait: Bool = false,
    status: StatusCode = .ok, statusMessage: String? = nil
  ) {
    pending.wrappingAdd(1, ordering: .relaxed)
    let sends = operations & EPP_SEND_MESSAGE.rawValue != 0
    if sends { isSending = true }
    let isStarted = unsafe outgoing.slices.withUnsafeBufferPointer { slices in
      var batch = unsafe epp_batch(
        operations: operations, slices: slices.baseAddress.map { unsafe $0 + message.lowerBound },
        slice_count: message.count, buffer_hint: mayWait, status: status.rawValue, status_message: nil)
      guard let statusMessage else {
        return unsafe epp_call_start(call, &batch, CompletionTag(self, completion).rawValue)
      }
      return unsafe statusMessage.withCString { text in
        unsafe batch.status_message = text
        return unsafe epp_call_start(call, &batch, CompletionTag(self, completion).rawValue)
      }
    }
    if !isStarted {
      // A defect of this type: the call is cancelled, and `completed` starts a receive-close operation.
      pending.wrappingSubtract(1, ordering: .relaxed)
      if sends {
        unsafe epp_call_finish_send(call)
        isSending = false
      }
      unsafe epp_call_cancel(call)
    }
  }
}

/// gRPC status codes that the server sends.
enum StatusCode: Int32 {
  case ok = 0
  case invalidArgument = 3
  case resourceExhausted = 8
  case unimplemented = 12
}
