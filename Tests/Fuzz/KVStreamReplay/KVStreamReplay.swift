// fuzz: EPPCore EPPKVEvents EPPPrefixCache
import EPPCore
import EPPKVEvents
import EPPPrefixCache
import Glibc

/// What the machine's owner keeps, and what has to hold of it.
private struct Owner {
  var machine: KVStreamStateMachine
  var held: [UInt64] = []
  /// The last message that was applied since the last reset.
  var applied: UInt64?
  var now = MonotonicTime(nanoseconds: 1_000_000_000)
  var isQueued = false
  var isAsked = false

  init(hasReplay: Bool) { machine = KVStreamStateMachine(hasReplay: hasReplay) }

  /// Goes on from a snapshot: what it holds is applied.
  init(resumingAfter last: KVMessageID, isComplete: Bool) {
    machine = KVStreamStateMachine(resumingAfter: last, isComplete: isComplete)
    applied = last.number
  }

  /// Time goes by between events.
  mutating func handle(
    _ message: KVMessageID?, hasReplay: Bool, after seconds: UInt8 = 0,
    _ event: (inout KVStreamStateMachine, MonotonicTime) -> [KVStreamAction]
  ) {
    now = now.advanced(by: .seconds(Int(seconds)))
    perform(event(&machine, now), message, hasReplay: hasReplay)
    while true {
      let further = machine.proceed(at: now)
      if further.isEmpty { break }
      perform(further, nil, hasReplay: hasReplay)
    }
    precondition(machine.isFetching || held.isEmpty, "a message waits for nothing")
    precondition(machine.state != .live || machine.isComplete, "a stream that misses something is not live")
    precondition(hasReplay || !machine.isUnconfirmed, "what nothing can confirm")
  }

  private mutating func perform(_ actions: [KVStreamAction], _ message: KVMessageID?, hasReplay: Bool) {
    for action in actions {
      switch action {
      case .reset:
        applied = nil
        precondition(!machine.isFetching || hasReplay, "there is nobody to ask")
      case .apply: apply(message?.number)
      case .hold:
        guard let message else { preconditionFailure("there is no message to hold") }
        precondition(held.last.map { $0 < message.number } ?? true, "held messages are in order")
        held.append(message.number)
        precondition(held.count <= KVStreamStateMachine.maximumHeld, "held messages are bounded")
      case .drop: precondition(message != nil, "there is no message to drop")
      case .applyHeld(let number):
        while let first = held.first, first < number { held.removeFirst() }
        precondition(held.first == number, "a message that is not held")
        held.removeFirst()
        apply(number)
      case .dropHeld: held.removeAll()
      case .replay(let start):
        precondition(hasReplay && machine.isFetching, "there is nobody to ask")
        precondition(start <= machine.next, "what is missing is left out")
      case .queueReplay:
        precondition(!isQueued && !isAsked, "one replay at a time")
        isQueued = true
      case .leaveReplayQueue:
        precondition(isQueued, "it does not wait for its turn")
        isQueued = false
      case .askReplay: precondition(isAsked, "it is not its turn")
      case .closeReplay:
        precondition(isAsked, "there is nothing to close")
        isAsked = false
      case .reportReplay: break
      }
    }
  }

  /// It is the stream's turn, if it waits for it.
  mutating func takeTurn(hasReplay: Bool) {
    guard isQueued else { return }
    (isQueued, isAsked) = (false, true)
    handle(nil, hasReplay: hasReplay) { $0.turnGranted(at: $1) }
  }

  private mutating func apply(_ number: UInt64?) {
    guard let number else { preconditionFailure("there is no message to apply") }
    precondition(applied.map { $0 < number } ?? true, "twice, or out of order")
    applied = number
    precondition(machine.hasApplied, "a message was applied")
  }
}

/// Any order of events: no crash, messages are applied in order and once, what is held is known.
func followStream(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let bytes = unsafe UnsafeBufferPointer(start: start, count: count)
  guard let first = unsafe bytes.first else { return 0 }
  // Streams with a replay, without one, and such as go on from a snapshot.
  let hasReplay = first & 1 == 0
  let isResumed = first & 3 == 2
  var owner =
    isResumed
    ? Owner(resumingAfter: KVMessageID(number: UInt64(first >> 3), mark: 0), isComplete: first & 4 == 0)
    : Owner(hasReplay: hasReplay)
  var position = 1
  var base: UInt64 = 0
  func number() -> UInt64 {
    guard position < count else { return base }
    let byte = unsafe bytes[position]
    position += 1
    // Mostly near the last one; now and then anywhere.
    base = byte < 250 ? base &+ UInt64(byte) &- 100 : byte == 255 ? .max : UInt64(byte) << 56
    return base
  }
  while position < count {
    let code = unsafe bytes[position]
    position += 1
    switch code % 16 {
    case 0: owner.handle(nil, hasReplay: hasReplay) { $0.connected(at: $1) }
    case 1, 2, 3, 4:
      let message = KVMessageID(number: code & 16 == 0 ? owner.machine.next : number(), mark: UInt64(code >> 6))
      owner.handle(message, hasReplay: hasReplay) { $0.message(message, canWait: code & 32 == 0, at: $1) }
    case 5, 6:
      let message = KVMessageID(number: code & 16 == 0 ? owner.machine.next : number(), mark: UInt64(code >> 6))
      owner.handle(message, hasReplay: hasReplay) { $0.replayed(message, bytes: Int(code) << 20, at: $1) }
    case 7:
      let end: ReplayEnd = code & 16 == 0 ? .complete : code & 32 == 0 ? .brokenOff : .excessive
      owner.handle(nil, hasReplay: hasReplay) { $0.replayEnded(end, at: $1) }
    case 8: owner.handle(nil, hasReplay: hasReplay) { machine, _ in machine.quiet() }
    case 9:
      let contradiction: CacheContradiction = code & 32 == 0 ? .holdsLess : .holdsMore
      owner.handle(nil, hasReplay: hasReplay) { machine, _ in
        code & 16 == 0 ? machine.restarted() : machine.mistrusted(contradiction)
      }
    case 10:
      // The message that was applied last, or one before it.
      owner.handle(nil, hasReplay: hasReplay) { machine, _ in
        machine.cleared(by: machine.next &- (code & 16 == 0 ? 1 : 2))
        return []
      }
    case 11: owner.handle(nil, hasReplay: hasReplay) { machine, _ in machine.suspend() }
    case 12: owner.handle(nil, hasReplay: hasReplay) { machine, _ in machine.endSuspension() }
    case 13:
      owner.handle(nil, hasReplay: hasReplay) { machine, now in
        if code & 16 == 0 { machine.unreadable() } else { machine.replayEmpty(at: now) }
        return []
      }
    case 14: owner.takeTurn(hasReplay: hasReplay)
    default: owner.handle(nil, hasReplay: hasReplay, after: code >> 4) { $0.tick(at: $1, isTurnOver: code & 128 != 0) }
    }
  }
  return 0
}

/// libFuzzer's driver. SwiftPM makes the main function of an executable, so the driver is called instead of linked as main.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ target: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

var argumentCount = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
exit(unsafe runFuzzer(&argumentCount, &arguments, { unsafe followStream($0, $1) }))
