import EPPKVEvents
import EPPTestKit
import Testing

/// A publisher, its two sockets and the machine that follows it, driven by random steps.
struct SimulatedPublisher {
  /// A message: which start of the engine it is of, and its number.
  private struct Message: Equatable {
    var epoch: Int
    var number: UInt64
    /// Whether it says that the cache is empty.
    var isClear = false

    var id: KVMessageID { KVMessageID(number: number, mark: UInt64(epoch)) }
  }

  private var machine: KVStreamStateMachine
  private let hasReplay: Bool
  private var random: SeededGenerator
  private var published: [Message] = []
  private var epoch = 0
  private var isConnected = false
  /// Published and not delivered yet, on either socket.
  private var live: [Message] = []
  private var replay: [Message] = []
  private var isReplaying = false
  private var held: [Message] = []
  /// Since the cache was last known to be empty.
  private var applied: [Message] = []
  private let bufferMessages = 30
  /// Whether messages of two processes are applied, one after the other: where the replay could not show it.
  private var isMixed = false

  init(seed: UInt64, hasReplay: Bool) {
    random = SeededGenerator(seed: seed)
    self.hasReplay = hasReplay
    machine = KVStreamStateMachine(hasReplay: hasReplay)
    connect()
  }

  mutating func step() {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<45: publish()
    case 45..<75: deliverLive()
    case 75..<90: deliverReplay()
    case 90..<93: if !live.isEmpty { live.removeFirst() }
    case 93..<95: Bool.random(using: &random) ? disconnect() : stall()
    case 95..<98: if !isConnected { connect() }
    case 98:
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<5: restart()
      case 5..<9: checkWhenQuiet()
      default: perform(machine.handle(machine.state == .live ? .suspended : .continued), nil)
      }
    default: failReplay()
    }
  }

  /// Lets everything come to rest, and holds what was applied against what was published.
  mutating func finish() {
    perform(machine.handle(.continued), nil)
    if !isConnected { connect() }
    for _ in 0..<3 {
      publish()
      while isReplaying || !live.isEmpty {
        deliverLive()
        deliverReplay()
      }
    }
    #expect(machine.state == .live || machine.state == .degraded)
    let present = published.filter { $0.epoch == epoch }
    #expect(applied.last == present.last)
    if machine.state == .live { #expect(applied == Array(present[(present.lastIndex(where: \.isClear) ?? 0)...])) }
  }

  // MARK: - The publisher

  private mutating func publish() {
    let number = published.last.map { $0.epoch == epoch ? $0.number + 1 : 0 } ?? 0
    let isClear = Int.random(in: 0..<50, using: &random) == 0
    let message = Message(epoch: epoch, number: number, isClear: isClear)
    published.append(message)
    if isConnected { live.append(message) }
  }

  private mutating func restart() {
    epoch += 1
    disconnect()
    // What is asked from now on is answered by the new process.
    replay.removeAll()
    // The metrics page tells of the new process, or does not. Without a replay nothing else would, where numbers go on.
    if !hasReplay || Bool.random(using: &random) { perform(machine.handle(.restarted), nil) }
    for _ in 0..<Int.random(in: 0..<60, using: &random) { publish() }
    connect()
  }

  private mutating func connect() {
    isConnected = true
    perform(machine.handle(.connected), nil)
  }

  private mutating func disconnect() {
    isConnected = false
    live.removeAll()
  }

  /// The connection is lost and made again while the process is away: what has come over the old one waits still when the
  /// new one is told of. Only a replay can overtake it.
  private mutating func stall() {
    guard isConnected else { return }
    for _ in 0..<Int.random(in: 0..<5, using: &random) { publish() }
    let waiting = live
    disconnect()
    for _ in 0..<Int.random(in: 0..<3, using: &random) { publish() }
    connect()
    live = waiting + live
  }

  private mutating func deliverLive() {
    guard isConnected, !live.isEmpty else { return }
    let message = live.removeFirst()
    let canWait = held.count < 20
    perform(machine.handle(.message(message.id, canWait: canWait)), message)
  }

  private mutating func deliverReplay() {
    guard isReplaying else { return }
    if replay.isEmpty {
      isReplaying = false
      perform(machine.handle(.replayEnded(.complete)), nil)
    } else {
      // Now and then the publisher's socket has no room.
      if replay.count > 1, Int.random(in: 0..<20, using: &random) == 0 { replay.removeFirst() }
      let message = replay.removeFirst()
      perform(machine.handle(.replayed(message.id)), message)
    }
  }

  private mutating func failReplay() {
    guard isReplaying else { return }
    isReplaying = false
    perform(machine.handle(.replayEnded(Int.random(in: 0..<8, using: &random) == 0 ? .excessive : .brokenOff)), nil)
  }

  private mutating func checkWhenQuiet() {
    guard isConnected, live.isEmpty else { return }
    perform(machine.handle(.quiet), nil)
  }

  // MARK: - The machine's owner

  private mutating func perform(_ actions: [KVStreamAction], _ message: Message?) {
    for action in actions {
      switch action {
      case .reset:
        applied.removeAll()
        isMixed = false
      case .apply: if let message { apply(message) }
      case .hold: if let message { held.append(message) }
      case .drop: break
      case .applyHeld(let number):
        while let oldest = held.first, oldest.number < number { held.removeFirst() }
        #expect(held.first?.number == number)
        if !held.isEmpty { apply(held.removeFirst()) }
      case .dropHeld: held.removeAll()
      case .replay(let start):
        #expect(hasReplay)
        isReplaying = true
        replay = published.filter { $0.epoch == epoch }.suffix(bufferMessages).filter { $0.number >= start }
      case .queueReplay, .leaveReplayQueue, .askReplay, .closeReplay, .reportReplay:
        Issue.record("no time passes, so nothing is asked")
      }
    }
    #expect(!isMixed || machine.state != .live, "blocks of an engine that is gone")
  }

  private mutating func apply(_ message: Message) {
    if let last = applied.last {
      if last.epoch != message.epoch { isMixed = true }
      #expect(hasReplay || !isMixed)
      #expect(last.number < message.number, "twice, or out of order")
    }
    if message.isClear {
      applied.removeAll()
      isMixed = false
      applied.append(message)
      return perform(machine.handle(.cleared(by: message.number)), nil)
    }
    applied.append(message)
  }
}
