import CGRPCShim
import Synchronization

/// One call on the C core: starts batches, queues outgoing messages, knows when the call is over.
///
/// Lives on one worker thread from first to last event; only `wake()` may be called from elsewhere. It keeps itself
/// alive from `request` until its last operation has completed.
@safe final class ServerCall {
  /// What follows the last of the queued messages, in the same batch with it.
  enum Next {
    case receive
    case nothing
    case close(StatusCode, String?)
  }

  private let call: OpaquePointer
  /// Where the call came in.
  let acceptor: Acceptor
  private var handler: (any CallHandler)?
  /// Batches that have not completed. Atomic because `wake()` may come from another thread.
  private let pending = Atomic<Int>(0)
  private var sentInitialMetadata = false
  private var sentStatus = false
  private var isClosed = false
  /// Messages that wait to be sent: their slices in a row, and where each message ends in that row.
  private var outgoing = SliceList()
  private var messageEnds: [Int] = []
  private var nextMessage = 0
  private var next = Next.nothing

  init(acceptor: Acceptor) {
    unsafe call = epp_call_create()
    self.acceptor = acceptor
  }

  deinit { unsafe epp_call_destroy(call) }

  // MARK: - Called by the worker

  /// Waits for a call of a client; false when the server takes no more.
  func request(server: OpaquePointer, queue: OpaquePointer) -> Bool {
    let isRequested = unsafe epp_call_request(call, server, queue, CompletionTag(self, .accept).rawValue)
    if isRequested {
      _ = unsafe Unmanaged.passRetained(self)
      pending.store(1, ordering: .relaxed)
    }
    return isRequested
  }

  /// One of the call's operations has completed; whether it was the last one, with which the call is over.
  func completed(_ operation: CompletionTag.Operation, success: Bool) -> Bool {
    switch operation {
    case .accept:
      if success { begin() }
    case .receive:
      deliver(success: success)
    case .send:
      messageSent(success: success)
    case .sendAndReceive:
      unsafe epp_call_finish_send(call)
      deliver(success: success)
    case .close:
      isClosed = true
      handler?.closed()
    case .wake:
      if !isClosed { handler?.woken() }
    case .shutdown:
      break
    }
    guard pending.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return false }
    handler = nil
    unsafe Unmanaged.passUnretained(self).release()
    return true
  }

  private func begin() {
    start(EPP_RECEIVE_CLOSE.rawValue, .close)
    var count = 0
    let bytes = unsafe epp_call_method(call, &count)
    let method = unsafe String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    handler = acceptor.factory.makeHandler(method: method, call: self)
    if handler == nil {
      close(.unimplemented, "unknown method \(method)")
    } else {
      receive()
    }
  }

  private func deliver(success: Bool) {
    guard !isClosed, let handler else { return }
    let count = success ? unsafe epp_call_received_slice_count(call) : -1
    guard count >= 0 else {
      handler.received(nil)
      return
    }
    var message = SliceList()
    let slices = unsafe [epp_slice](unsafeUninitializedCapacity: count) { buffer, initialized in
      guard let base = buffer.baseAddress else { return }
      initialized = unsafe epp_call_take_received(call, base, count)
    }
    // An empty message has no slices, and its buffer still has to go.
    if count == 0 {
      var none = epp_slice()
      _ = unsafe epp_call_take_received(call, &none, 0)
    }
    for slice in slices { message.append(owning: slice) }
    handler.received(message)
  }

  private func messageSent(success: Bool) {
    unsafe epp_call_finish_send(call)
    guard success, !isClosed else {
      dropOutgoing()
      return
    }
    if nextMessage < messageEnds.count {
      sendNextMessage()
    } else if !sentStatus {
      handler?.sent()
    }
  }

  // MARK: - Called by the handler

  /// Whether a message may still be sent.
  var isOpen: Bool { !isClosed && !sentStatus }

  /// Asks for the client's next message.
  func receive() {
    guard isOpen else { return }
    start(EPP_RECEIVE_MESSAGE.rawValue, .receive)
  }

  /// Puts a message in the queue: some bytes of our own, then bytes by reference.
  func enqueue(_ bytes: [UInt8]) {
    outgoing.append(copying: bytes)
    messageEnds.append(outgoing.slices.count)
  }

  func enqueue(_ prefix: [UInt8], _ range: Range<Int>, of body: borrowing SliceList) {
    outgoing.append(copying: prefix)
    outgoing.append(range, of: body)
    messageEnds.append(outgoing.slices.count)
  }

  /// Sends what is queued, one message after the other, and then does `next` in the batch of the last one.
  func flush(then next: Next) {
    guard isOpen else {
      dropOutgoing()
      return
    }
    self.next = next
    if nextMessage < messageEnds.count {
      sendNextMessage()
    } else {
      switch next {
      case .receive: receive()
      case .nothing: break
      case .close(let code, let message): close(code, message)
      }
    }
  }

  /// Ends the call with a status.
  func close(_ code: StatusCode, _ message: String? = nil) {
    guard isOpen else { return }
    sentStatus = true
    var operations = EPP_SEND_STATUS.rawValue
    if !sentInitialMetadata { operations |= EPP_SEND_INITIAL_METADATA.rawValue }
    sentInitialMetadata = true
    start(operations, .send, status: code, statusMessage: message)
  }

  /// Makes the call's thread call `woken()`. May be called from any thread, but only while the call is open: the
  /// caller holds a lock that `closed()` takes too.
  func wake() {
    pending.wrappingAdd(1, ordering: .relaxed)
    // An empty batch completes at once, on the queue of the call.
    var batch = unsafe epp_batch()
    if unsafe !epp_call_start(call, &batch, CompletionTag(self, .wake).rawValue) {
      pending.wrappingSubtract(1, ordering: .relaxed)
    }
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
      switch next {
      case .receive:
        operations |= EPP_RECEIVE_MESSAGE.rawValue
        completion = .sendAndReceive
      case .nothing:
        break
      case .close(let code, let message):
        operations |= EPP_SEND_STATUS.rawValue
        sentStatus = true
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

  private func start(
    _ operations: UInt32, _ completion: CompletionTag.Operation, message: Range<Int> = 0..<0, mayWait: Bool = false,
    status: StatusCode = .ok, statusMessage: String? = nil
  ) {
    pending.wrappingAdd(1, ordering: .relaxed)
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
      // The core refuses operations on a call that has ended in the meantime; its close event is on its way.
      pending.wrappingSubtract(1, ordering: .relaxed)
      unsafe epp_call_finish_send(call)
      unsafe epp_call_cancel(call)
    }
  }
}
