/// The tag of an operation on a completion queue of the C core: an object and one of its operations. Both fit into a pointer,
/// because Swift objects are 16-byte aligned, so that no memory is allocated per operation.
struct CompletionTag {
  /// The operations of an object.
  enum Operation: UInt {
    /// A new call was accepted.
    case accept = 0
    /// A message was received.
    case receive = 1
    /// A message was sent, with the status or without it.
    case send = 2
    /// A message was sent and the next one received.
    case sendAndReceive = 3
    /// The call has ended, with a status that the server has sent or without.
    case close = 4
    /// Another thread has called `wake()`.
    case wake = 5
    /// The server has shut down, and has no more calls.
    case shutdown = 6
    /// The worker takes over a call that another worker has accepted.
    case begin = 7
    /// The last message and the status were sent, and the call has ended.
    case sendAndClose = 8
    /// The status was sent without a message; the end of the call completes another operation.
    case status = 9
  }

  /// The bits of a tag that hold the operation.
  static let operationMask: UInt = 0xF

  /// The tag as a number: the object's address, with the operation in the lowest bits.
  let rawValue: UInt

  /// Makes the tag of an operation. It does not retain the object.
  init(_ object: AnyObject, _ operation: Operation) {
    rawValue = unsafe UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()) | operation.rawValue
  }

  init(rawValue: UInt) { self.rawValue = rawValue }

  /// The operation; nil for a tag that `init(_:_:)` did not make.
  var operation: Operation? { Operation(rawValue: rawValue & Self.operationMask) }

  /// Returns the object, which has to be alive. Owners keep it alive while an operation is in flight.
  func object<Object: AnyObject>(as type: Object.Type) -> Object? {
    guard let pointer = unsafe UnsafeRawPointer(bitPattern: rawValue & ~Self.operationMask) else { return nil }
    return unsafe Unmanaged<Object>.fromOpaque(pointer).takeUnretainedValue()
  }
}
