import EPPCore
import EPPKVEvents
import Testing

/// Whatever happens in whatever order, with time going by.
@Suite struct KVStreamPropertyTests {
  private func history(_ seed: UInt64, hasReplay: Bool) -> VirtualStream {
    var stream = VirtualStream(seed: seed, hasReplay: hasReplay)
    for _ in 0..<300 { stream.step() }
    return stream
  }

  @Test(arguments: 0..<150 as Range<UInt64>, [true, false])
  func aHealthyPublisherIsCaughtUpWithFromAnyState(_ seed: UInt64, hasReplay: Bool) {
    var stream = history(seed, hasReplay: hasReplay)
    stream.socket = .answers
    // The longest pause after failures is 256 seconds.
    #expect(stream.settle(within: 400) { $0.isUpToDate && !$0.machine.isFetching })
    stream.clear()
    #expect(stream.settle(within: 20) { $0.machine.state == .live && $0.isUpToDate })
  }

  @Test(arguments: 0..<60 as Range<UInt64>, VirtualStream.ReplaySocket.allCases)
  func noReplaySocketKeepsMessagesWaitingForEver(_ seed: UInt64, socket: VirtualStream.ReplaySocket) {
    var stream = history(seed, hasReplay: true)
    stream.socket = socket
    stream.haveOthersToWait = seed.isMultiple(of: 2)
    // Replays that bring something go on for two minutes at most, one after the other.
    #expect(stream.settle(within: 600) { $0.isUpToDate && $0.machine.state != .replaying })
    stream.clear()
    #expect(stream.settle(within: 600) { $0.isUpToDate && $0.machine.state == .live })
  }

  @Test func aReplayIsAskedForAFewTimesAndThenPaused() {
    var (machine, now) = (KVStreamStateMachine(hasReplay: true), MonotonicTime(nanoseconds: 1_000_000_000))
    #expect(machine.connected(at: now) == [.replay(from: 0)])
    for question in 1...3 {
      #expect(machine.proceed(at: now) == [.queueReplay(isUrgent: true)])
      #expect(machine.proceed(at: now) == [])
      #expect(machine.turnGranted(at: now) == [.askReplay(from: 0)])
      machine.replayEmpty(at: now.advanced(by: .milliseconds(1999)))
      #expect(machine.tick(at: now.advanced(by: .milliseconds(1999)), isTurnOver: false) == [])
      now = now.advanced(by: .seconds(2))
      machine.replayEmpty(at: now)
      let actions = machine.tick(at: now, isTurnOver: false)
      let end: [KVStreamAction] = [.reportReplay(.unanswered(hasBrought: false)), .closeReplay]
      #expect(actions == (question < 3 ? [.closeReplay] : end))
    }
    #expect(machine.state == .degraded && machine.isUnconfirmed && !machine.isFetching)
    // It is checked again as soon as the pause of two seconds is over, and once.
    #expect(machine.tick(at: now.advanced(by: .milliseconds(1999)), isTurnOver: false) == [])
    now = now.advanced(by: .seconds(2))
    #expect(machine.tick(at: now, isTurnOver: false) == [.replay(from: 0)])
    #expect(machine.proceed(at: now) == [.queueReplay(isUrgent: false)])
    _ = machine.turnGranted(at: now)
    now = now.advanced(by: .seconds(2))
    machine.replayEmpty(at: now)
    #expect(machine.tick(at: now, isTurnOver: false) == [.reportReplay(.unanswered(hasBrought: false)), .closeReplay])
  }

  @Test func aCheckThatIsNotAnsweredIsMadeAgain() {
    var machine = followed()
    func time(_ milliseconds: Int) -> MonotonicTime {
      MonotonicTime(nanoseconds: 0).advanced(by: .milliseconds(milliseconds))
    }
    #expect(machine.tick(at: time(1999), isTurnOver: false) == [])
    #expect(machine.tick(at: time(2000), isTurnOver: false) == [.replay(from: 9)])
    #expect(machine.proceed(at: time(2000)) == [.queueReplay(isUrgent: false)])
    #expect(machine.turnGranted(at: time(2000)) == [.askReplay(from: 9)])
    machine.replayEmpty(at: time(4000))
    let end: [KVStreamAction] = [.reportReplay(.unanswered(hasBrought: false)), .closeReplay]
    #expect(machine.tick(at: time(4000), isTurnOver: false) == end)
    #expect(machine.state == .live)
    #expect(machine.tick(at: time(5999), isTurnOver: false) == [])
    #expect(machine.tick(at: time(6000), isTurnOver: false) == [.replay(from: 9)])
  }

  @Test func aReplayInDropsIsGivenUpAfterTwoMinutes() {
    var (machine, now) = (KVStreamStateMachine(hasReplay: true), MonotonicTime(nanoseconds: 1_000_000_000))
    _ = machine.connected(at: now)
    _ = machine.proceed(at: now)
    _ = machine.turnGranted(at: now)
    for number: UInt64 in 0..<79 {
      now = now.advanced(by: .milliseconds(1500))
      #expect(machine.replayed(id(number), bytes: 100, at: now) == [.apply])
      machine.replayEmpty(at: now)
      #expect(machine.tick(at: now, isTurnOver: false) == [])
    }
    now = now.advanced(by: .milliseconds(1500))
    let end: [KVStreamAction] = [.reportReplay(.tooLong(.seconds(120))), .closeReplay]
    #expect(machine.tick(at: now, isTurnOver: false) == end)
    #expect(machine.state == .degraded && !machine.isFetching)
  }

  @Test func aLongPauseLosesWhatIsMissingAtOnce() {
    var (machine, now) = (followed(), MonotonicTime(nanoseconds: 1_000_000_000))
    _ = machine.connected(at: now)
    for _ in 0..<3 {
      _ = machine.replayEnded(.brokenOff, at: now)
      _ = machine.quiet()
    }
    _ = machine.replayEnded(.brokenOff, at: now)
    // 2, 4, 8 and 16 seconds.
    #expect(machine.message(id(12), canWait: true, at: now) == [.hold, .replay(from: 9)])
    #expect(machine.proceed(at: now) == [.applyHeld(12), .dropHeld])
    #expect(machine.lostMessages == 2)
    // Messages wait for the last four seconds of it.
    now = now.advanced(by: .seconds(12))
    #expect(machine.message(id(14), canWait: true, at: now) == [.hold, .replay(from: 9)])
    #expect(machine.proceed(at: now) == [])
    #expect(machine.proceed(at: now.advanced(by: .seconds(4))) == [.queueReplay(isUrgent: true)])
  }

  @Test func whatIsAskedTooOftenIsGivenUp() {
    var configuration = KVEventsConfiguration()
    configuration.maximumReplayAsks = 2
    var machine = KVStreamStateMachine(hasReplay: true, configuration)
    let now = MonotonicTime(nanoseconds: 1_000_000_000)
    _ = machine.connected(at: now)
    // Each question brings one message and leaves something out behind it.
    for (question, start) in [(UInt64(0), UInt64(0)), (1, 0)] {
      #expect(machine.proceed(at: now) == [.queueReplay(isUrgent: true)])
      #expect(machine.turnGranted(at: now) == [.askReplay(from: start)])
      #expect(machine.replayed(id(question), bytes: 1, at: now) == [.apply])
      let actions = machine.replayed(id(question + 5), bytes: 1, at: now)
      #expect(actions == [.drop, .closeReplay, .replay(from: question)])
    }
    _ = machine.proceed(at: now)
    #expect(machine.turnGranted(at: now) == [.reportReplay(.tooManyQuestions(2)), .closeReplay])
    #expect(machine.state == .degraded)
  }

  @Test func aReplayWithoutEndIsBoundedInMessagesAndBytes() {
    var configuration = KVEventsConfiguration()
    configuration.maximumReplayMessages = 3
    configuration.maximumReplayBytes = 1000
    for bytes in [1, 600] {
      var machine = KVStreamStateMachine(hasReplay: true, configuration)
      let now = MonotonicTime(nanoseconds: 1_000_000_000)
      _ = machine.connected(at: now)
      _ = machine.proceed(at: now)
      _ = machine.turnGranted(at: now)
      let count = bytes == 1 ? 4 : 2
      for number in 0..<UInt64(count) {
        #expect(machine.proceed(at: now) == [])
        _ = machine.replayed(id(number), bytes: bytes, at: now)
      }
      #expect(
        machine.proceed(at: now) == [.reportReplay(.tooMuch(messages: count, bytes: count * bytes)), .closeReplay])
    }
  }
}
