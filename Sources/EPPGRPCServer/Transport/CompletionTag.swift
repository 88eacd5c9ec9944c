/// What completed on a queue: the object that asked for it and which of its operations. Packed into the pointer-sized
/// tag of the C core, since Swift objects are 16-byte aligned: no allocation per operation.
struct CompletionTag {
  /// The operations that an object can have in flight at one time.
  enum Operation: UInt {
    /// A new call has come.
    case accept = 0
    case receive = 1
    /// A message was sent, with the status or without it.
    case send = 2
    /// A message was sent and the next one received.
    case sendAndReceive = 3
    /// The call is over, perhaps with a status of ours.
    case close = 4
    /// Another thread asks this one to look.
    case wake = 5
    /// The server has no more calls.
    case shutdown = 6
    /// A call that another worker has accepted is this one's from now on.
    case begin = 7
    /// The last message and the status were sent, and the call is over.
    case sendAndClose = 8
    /// The status was sent, without a message.
    case status = 9
  }

  static let operationMask: UInt = 0xF

  let rawValue: UInt

  init(_ object: AnyObject, _ operation: Operation) {
    rawValue = unsafe UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()) | operation.rawValue
  }

  init(rawValue: UInt) { self.rawValue = rawValue }

  var operation: Operation? { Operation(rawValue: rawValue & Self.operationMask) }

  /// The object, which has to be alive: owners keep it so while an operation is in flight.
  func object<Object: AnyObject>(as type: Object.Type) -> Object? {
    guard let pointer = unsafe UnsafeRawPointer(bitPattern: rawValue & ~Self.operationMask) else { return nil }
    return unsafe Unmanaged<Object>.fromOpaque(pointer).takeUnretainedValue()
  }
}
