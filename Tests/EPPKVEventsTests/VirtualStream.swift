import EPPCore
import EPPKVEvents
import EPPPrefixCache
import EPPTestKit
import Testing

/// A publisher, its two sockets, the queue of replays and the machine that follows it, in virtual time.
struct VirtualStream {
  /// How the publisher's replay socket behaves.
  enum ReplaySocket: CaseIterable {
    case answers
    /// Some messages have no room on their way, the end among them.
    case drops
    /// Something comes now and then, and never an end.
    case drips
    case isSilent
    /// No socket can be made.
    case isMissing
  }

  private struct Message: Equatable {
    /// Which start of the engine it is of.
    var epoch: Int
    var number: UInt64
    /// Whether it says that the cache is empty.
    var isClear = false

    var id: KVMessageID { KVMessageID(number: number, mark: UInt64(epoch)) }
  }

  /// Where the replay stands, as the owner of the machine sees it.
  private enum Replay {
    case none
    case queued
    /// What still comes of it.
    case asked([Message])
  }

  var socket = ReplaySocket.answers
  /// Whether other streams wait for the turn to ask.
  var haveOthersToWait = true
  private(set) var machine: KVStreamStateMachine
  private(set) var now = MonotonicTime(nanoseconds: 1_000_000_000)
  private let hasReplay: Bool
  private var random: SeededGenerator
  private var published: [Message] = []
  private var epoch = 0
  private var isConnected = false
  /// Published and not delivered yet.
  private var live: [Message] = []
  private var replay = Replay.none
  private var held: [Message] = []
  /// Since the cache was last known to be empty.
  private var applied: [Message] = []
  /// Whether messages of two processes are applied, one after the other: where no replay could show it.
  private var isMixed = false
  private let bufferMessages = 30

  init(seed: UInt64, hasReplay: Bool) {
    random = SeededGenerator(seed: seed)
    self.hasReplay = hasReplay
    machine = KVStreamStateMachine(hasReplay: hasReplay)
    connect()
  }

  /// Whether all that was published last has been applied.
  var isUpToDate: Bool { applied.last == published.last && applied.last?.epoch == epoch }

  // MARK: - Steps

  /// Something happens, good or bad.
  mutating func step() {
    switch Int.random(in: 0..<100, using: &random) {
    case 0..<35: publish()
    case 35..<60: deliverLive()
    case 60..<75: deliverReplay()
    case 75..<90: wait(.milliseconds(Int.random(in: 0..<4000, using: &random)))
    case 90..<92: if !live.isEmpty { live.removeFirst() }
    case 92: isConnected ? disconnect() : connect()
    case 93: if !isConnected { connect() }
    case 94: restart()
    case 95: perform(machine.handle(machine.isSuspended ? .continued : .suspended, at: now))
    case 96: perform(machine.handle(.mistrusted(Bool.random(using: &random) ? .holdsLess : .holdsMore), at: now))
    case 97: socket = ReplaySocket.allCases.randomElement(using: &random) ?? .answers
    default: wait(.seconds(Int.random(in: 0..<200, using: &random)))
    }
    check()
  }

  /// Nothing is wrong any more but the replay socket, and time goes by: a message is published each second.
  ///
  /// - Returns: whether the stream came to be as `condition` says.
  mutating func settle(within seconds: Int, _ condition: (VirtualStream) -> Bool) -> Bool {
    if machine.isSuspended { perform(machine.handle(.continued, at: now)) }
    if !isConnected { connect() }
    for _ in 0..<seconds {
      publish()
      for _ in 0..<5 {
        wait(.milliseconds(200))
        while !live.isEmpty { deliverLive() }
        for _ in 0..<50 { deliverReplay() }
      }
      check()
      if condition(self) { return true }
    }
    return false
  }

  /// The engine says that its cache is empty.
  mutating func clear() {
    publish(isClear: true)
    while !live.isEmpty { deliverLive() }
  }

  /// What has to hold at any time.
  private func check() {
    if machine.state == .live {
      #expect(!isMixed, "blocks of an engine that is gone")
      #expect(machine.isComplete)
      // All that was applied follows one another from the start or the last clear on.
      let first = applied.first.map { $0.isClear ? $0.number : 0 } ?? 0
      #expect(applied.map(\.number) == Array(first..<(first + UInt64(applied.count))), "live with a gap")
    }
    #expect(held.isEmpty || machine.isFetching, "held for nothing")
    switch replay {
    case .none: #expect(machine.askedAt == nil)
    case .queued: #expect(machine.isFetching && machine.askedAt == nil)
    case .asked: #expect(machine.isFetching && machine.askedAt != nil)
    }
  }

  // MARK: - The publisher

  private mutating func publish(isClear: Bool = false) {
    let number = published.last.map { $0.epoch == epoch ? $0.number + 1 : 0 } ?? 0
    let isClear = isClear || Int.random(in: 0..<50, using: &random) == 0
    let message = Message(epoch: epoch, number: number, isClear: isClear)
    published.append(message)
    if isConnected { live.append(message) }
  }

  private mutating func restart() {
    epoch += 1
    disconnect()
    // What is asked from now on is answered by the new process.
    if case .asked = replay { replay = .asked([]) }
    // Without a replay only the metrics page tells where numbers go on.
    if !hasReplay || Bool.random(using: &random) { perform(machine.handle(.restarted, at: now)) }
    for _ in 0..<Int.random(in: 0..<60, using: &random) { publish() }
    connect()
  }

  private mutating func connect() {
    isConnected = true
    perform(machine.handle(.connected, at: now))
  }

  private mutating func disconnect() {
    isConnected = false
    live.removeAll()
    machine.disconnected()
  }

  private mutating func deliverLive() {
    guard isConnected, !live.isEmpty else { return }
    let message = live.removeFirst()
    perform(machine.handle(.message(message.id, canWait: held.count < 20), at: now), message)
  }

  private mutating func deliverReplay() {
    guard case .asked(var left) = replay else { return }
    switch socket {
    case .isSilent, .isMissing: return machine.replayEmpty(at: now)
    case .drips:
      guard Int.random(in: 0..<5, using: &random) == 0, !left.isEmpty else { return machine.replayEmpty(at: now) }
    case .drops: if left.count > 1, Bool.random(using: &random) { left.removeFirst() }
    case .answers: break
    }
    guard !left.isEmpty else {
      if socket == .drops, Bool.random(using: &random) { return machine.replayEmpty(at: now) }
      return perform(machine.handle(.replayEnded(.complete), at: now))
    }
    let message = left.removeFirst()
    replay = .asked(left)
    perform(machine.replayed(message.id, bytes: 100, at: now), message)
  }

  // MARK: - The machine's owner

  private mutating func wait(_ time: Duration) {
    now = now.advanced(by: time)
    if case .queued = replay {
      replay = .asked([])
      perform(machine.turnGranted(at: now))
    }
    if case .asked(let left) = replay, left.isEmpty || socket == .isSilent { machine.replayEmpty(at: now) }
    let isTurnOver = machine.askedAt.map { now >= $0.advanced(by: .seconds(10)) } ?? false
    perform(machine.tick(at: now, isTurnOver: isTurnOver && haveOthersToWait))
  }

  private mutating func perform(_ actions: [KVStreamAction], _ message: Message? = nil) {
    for action in actions { perform(action, message) }
    let further = machine.proceed(at: now)
    if !further.isEmpty { perform(further) }
  }

  private mutating func perform(_ action: KVStreamAction, _ message: Message?) {
    switch action {
    case .reset:
      applied.removeAll()
      isMixed = false
    case .apply: if let message { apply(message) }
    case .hold: if let message { held.append(message) }
    case .drop, .reportReplay: break
    case .applyHeld(let number):
      while let oldest = held.first, oldest.number < number { held.removeFirst() }
      #expect(held.first?.number == number)
      if !held.isEmpty { apply(held.removeFirst()) }
    case .dropHeld: held.removeAll()
    case .replay: #expect(hasReplay)
    case .queueReplay:
      if case .none = replay {} else { Issue.record("queued twice") }
      replay = .queued
    case .leaveReplayQueue:
      if case .queued = replay {} else { Issue.record("was not queued") }
      replay = .none
    case .askReplay(let start):
      replay = .asked(published.filter { $0.epoch == epoch }.suffix(bufferMessages).filter { $0.number >= start })
      if socket == .isMissing { perform(machine.handle(.replayEnded(.brokenOff), at: now)) }
    case .closeReplay:
      if case .asked = replay {} else { Issue.record("closed and not open") }
      replay = .none
    }
  }

  private mutating func apply(_ message: Message) {
    if let last = applied.last {
      if last.epoch != message.epoch { isMixed = true }
      #expect(last.number < message.number, "twice, or out of order")
    }
    if message.isClear {
      applied = [message]
      isMixed = false
      machine.cleared(by: message.number)
    } else {
      applied.append(message)
    }
  }
}
