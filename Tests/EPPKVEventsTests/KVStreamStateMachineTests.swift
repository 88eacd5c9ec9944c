import EPPKVEvents
import EPPPrefixCache
import Testing

@Suite struct KVStreamStateMachineTests {
  private func machine(hasReplay: Bool = true) -> KVStreamStateMachine { KVStreamStateMachine(hasReplay: hasReplay) }

  @Test func aFreshEngineIsFollowedFromItsFirstMessage() {
    var machine = machine()
    #expect(machine.state == .waiting)
    #expect(machine.handle(.connected) == [.replay(from: 0)])
    #expect(machine.state == .replaying)
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .waiting)
    #expect(machine.handle(.message(id(0), canWait: true)) == [.apply])
    #expect(machine.state == .live)
  }

  @Test func aLateSubscriberCatchesUp() {
    var machine = machine()
    _ = machine.handle(.connected)
    // Live messages come before the replay has brought what they follow.
    #expect(machine.handle(.message(id(2), canWait: true)) == [.hold])
    #expect(machine.handle(.message(id(3), canWait: true)) == [.hold])
    #expect(machine.handle(.replayed(id(0))) == [.apply])
    #expect(machine.handle(.replayed(id(1))) == [.apply])
    #expect(machine.handle(.replayed(id(2))) == [.apply])
    #expect(machine.handle(.replayEnded(.complete)) == [.applyHeld(3), .dropHeld])
    #expect(machine.state == .live)
    #expect(machine.handle(.message(id(4), canWait: true)) == [.apply])
  }

  @Test func aReplayThatIsAheadOfTheLiveMessagesMakesThemKnown() {
    var machine = machine()
    _ = machine.handle(.connected)
    for number: UInt64 in 0..<5 { _ = machine.handle(.replayed(id(number))) }
    #expect(machine.handle(.replayEnded(.complete)) == [])
    // Published before the end of the replay, delivered after it: no restart.
    #expect(machine.handle(.message(id(3), canWait: true)) == [.drop])
    #expect(machine.handle(.message(id(4), canWait: true)) == [.drop])
    #expect(machine.handle(.message(id(5), canWait: true)) == [.apply])
    #expect(machine.restarts == 0)
  }

  @Test func whatTheBufferNoLongerHasIsLost() {
    var machine = machine()
    _ = machine.handle(.connected)
    #expect(machine.handle(.replayed(id(500))) == [.apply])
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .degraded)
    #expect(machine.lostMessages == 500)
    #expect(machine.handle(.message(id(501), canWait: true)) == [.apply])
    #expect(machine.state == .degraded)
    // Now everything about the cache is known.
    #expect(machine.handle(.cleared(by: 501)) == [])
    #expect(machine.state == .live)
  }

  @Test func aGapIsReplayed() {
    var machine = followed()
    #expect(machine.handle(.message(id(12), canWait: true)) == [.hold, .replay(from: 9)])
    #expect(machine.handle(.message(id(13), canWait: true)) == [.hold])
    #expect(machine.handle(.replayed(id(9))) == [.drop])
    for number: UInt64 in 10...12 { #expect(machine.handle(.replayed(id(number))) == [.apply]) }
    #expect(machine.handle(.replayEnded(.complete)) == [.applyHeld(13), .dropHeld])
    #expect(machine.state == .live)
    #expect(machine.lostMessages == 0)
  }

  @Test func aGapBehindAReplayIsReplayedToo() {
    var machine = followed()
    _ = machine.handle(.message(id(12), canWait: true))
    #expect(machine.handle(.message(id(20), canWait: true)) == [.hold])
    for number: UInt64 in 9...15 { _ = machine.handle(.replayed(id(number))) }
    #expect(machine.handle(.replayEnded(.complete)) == [.replay(from: 15)])
    for number: UInt64 in 15...20 { _ = machine.handle(.replayed(id(number))) }
    #expect(machine.handle(.replayEnded(.complete)) == [.dropHeld])
    #expect(machine.state == .live)
  }

  /// The publisher's socket drops what the network does not take in time.
  @Test func whatAReplayLeavesOutIsAskedForAgain() {
    var machine = machine()
    _ = machine.handle(.connected)
    for number: UInt64 in 0...3 { #expect(machine.handle(.replayed(id(number))) == [.apply]) }
    #expect(machine.handle(.replayed(id(7))) == [.drop, .replay(from: 3)])
    #expect(machine.handle(.replayed(id(3))) == [.drop])
    for number: UInt64 in 4...9 { #expect(machine.handle(.replayed(id(number))) == [.apply]) }
    // No end: that was dropped too.
    #expect(machine.handle(.replayEnded(.brokenOff)) == [.replay(from: 9)])
    #expect(machine.handle(.replayed(id(9))) == [.drop])
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .live)
    #expect(machine.lostMessages == 0)
  }

  @Test func aReplayThatBringsNothingIsNotAskedForAgain() {
    var machine = followed()
    _ = machine.handle(.message(id(12), canWait: true))
    #expect(machine.handle(.replayEnded(.complete)) == [.applyHeld(12), .dropHeld])
    #expect(machine.state == .degraded)
    #expect(machine.lostMessages == 2)
    #expect(machine.handle(.message(id(13), canWait: true)) == [.apply])
  }

  @Test func aReplayWithoutEndIsGivenUp() {
    var machine = machine()
    _ = machine.handle(.connected)
    for number: UInt64 in 0..<5 { #expect(machine.handle(.replayed(id(number))) == [.apply]) }
    #expect(machine.handle(.replayEnded(.excessive)) == [])
    #expect(machine.state == .degraded)
  }

  @Test func aQuietStreamIsChecked() {
    var machine = followed()
    #expect(machine.handle(.quiet) == [.replay(from: 9)])
    #expect(machine.state == .live)
    #expect(machine.handle(.quiet) == [])
    // What is missing is asked for anew: the check was answered before this one was published, perhaps.
    #expect(machine.handle(.message(id(11), canWait: true)) == [.hold, .replay(from: 9)])
    #expect(machine.state == .replaying)
    #expect(machine.handle(.replayed(id(9))) == [.drop])
    #expect(machine.handle(.replayed(id(10))) == [.apply])
    #expect(machine.handle(.replayEnded(.complete)) == [.applyHeld(11), .dropHeld])
    // A check that is not answered says nothing.
    #expect(machine.handle(.quiet) == [.replay(from: 11)])
    #expect(machine.handle(.replayEnded(.brokenOff)) == [])
    #expect(machine.state == .live)
  }

  @Test func anotherMessageInThePlaceOfTheLastOneIsARestart() {
    var machine = followed()
    #expect(machine.handle(.connected) == [.replay(from: 9)])
    // The new process has come further than the old one.
    #expect(machine.handle(.replayed(id(9, process: 1))) == [.drop, .reset, .dropHeld, .replay(from: 0)])
    #expect(machine.restarts == 1)
    for number: UInt64 in 0..<20 { #expect(machine.handle(.replayed(id(number, process: 1))) == [.apply]) }
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .live)
    #expect(machine.lostMessages == 0)
  }

  @Test func aLastMessageThatIsNotThereAnyMoreIsARestart() {
    var machine = followed()
    #expect(machine.handle(.quiet) == [.replay(from: 9)])
    #expect(machine.handle(.replayEnded(.complete)) == [.reset, .dropHeld, .replay(from: 0)])
    #expect(machine.restarts == 1)
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .waiting)
  }

  @Test func moreMessagesMayBeLostThanCanBeCounted() {
    var machine = machine(hasReplay: false)
    for _ in 0..<3 {
      for number in [0, UInt64.max - 1] { _ = machine.handle(.message(id(number), canWait: true)) }
    }
    #expect(machine.lostMessages == .max)
    #expect(machine.state == .degraded)
  }

  @Test func whatHasProvedWrongIsLearnedAnew() {
    var machine = followed()
    #expect(machine.handle(.mistrusted(.holdsMore)) == [.reset, .dropHeld, .replay(from: 0)])
    for number: UInt64 in 0..<10 { #expect(machine.handle(.replayed(id(number))) == [.apply]) }
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .live)
    #expect(machine.restarts == 0)

    var blind = followed(hasReplay: false)
    #expect(blind.handle(.mistrusted(.holdsLess)) == [.reset, .dropHeld])
    _ = blind.handle(.message(id(10), canWait: true))
    #expect(blind.state == .degraded)
    // It is known by now that the engine holds more, and what is known is all that can be had.
    #expect(blind.handle(.mistrusted(.holdsMore)) == [])
    #expect(blind.handle(.mistrusted(.holdsLess)) == [.reset, .dropHeld])
  }

  @Test func aMessageThatCannotBeReadLeavesTheStreamDegraded() {
    var machine = followed()
    #expect(machine.handle(.message(id(10), canWait: true)) == [.apply])
    #expect(machine.handle(.unreadable) == [])
    #expect(machine.state == .degraded)
    #expect(machine.handle(.message(id(11), canWait: true)) == [.apply])
    #expect(machine.state == .degraded)
  }

  @Test func whatAnEarlierProcessKnewIsConfirmed() {
    var machine = KVStreamStateMachine(resumingAfter: id(9), isComplete: true)
    #expect(machine.state == .replaying && machine.next == 10)
    #expect(machine.handle(.connected) == [.replay(from: 9)])
    #expect(machine.handle(.replayed(id(9))) == [.drop])
    #expect(machine.handle(.replayed(id(10))) == [.apply])
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .live)
    #expect(machine.lostMessages == 0 && machine.restarts == 0)

    var incomplete = KVStreamStateMachine(resumingAfter: id(9), isComplete: false)
    _ = incomplete.handle(.connected)
    _ = incomplete.handle(.replayed(id(9)))
    _ = incomplete.handle(.replayEnded(.complete))
    #expect(incomplete.state == .degraded)
  }

  @Test func whatAnEarlierProcessKnewIsGivenUpWhenItCannotBeConfirmed() {
    // The buffer begins later: evictions may have been lost.
    var machine = KVStreamStateMachine(resumingAfter: id(9), isComplete: true)
    _ = machine.handle(.connected)
    #expect(machine.handle(.replayed(id(500))) == [.drop, .reset, .dropHeld, .replay(from: 0)])
    #expect(machine.handle(.replayed(id(500))) == [.apply])
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .degraded && machine.restarts == 0)

    // Another process.
    machine = KVStreamStateMachine(resumingAfter: id(9), isComplete: true)
    _ = machine.handle(.connected)
    #expect(machine.handle(.replayed(id(9, process: 1))) == [.drop, .reset, .dropHeld, .replay(from: 0)])
    #expect(machine.restarts == 1)

    // Another process that has published less.
    machine = KVStreamStateMachine(resumingAfter: id(9), isComplete: true)
    _ = machine.handle(.connected)
    #expect(machine.handle(.replayEnded(.complete)) == [.reset, .dropHeld, .replay(from: 0)])
  }

  @Test func theLargestNumberIsNoMessage() {
    var machine = followed()
    #expect(machine.handle(.message(id(.max), canWait: true)) == [.drop])
    _ = machine.handle(.quiet)
    #expect(machine.handle(.replayed(id(.max))) == [.drop])
  }

  @Test func aReplayWithoutAnAnswerLeavesTheStreamDegraded() {
    var machine = followed()
    _ = machine.handle(.connected)
    #expect(machine.handle(.replayEnded(.brokenOff)) == [])
    #expect(machine.state == .degraded)
    // It may be another engine's.
    #expect(machine.handle(.message(id(10), canWait: true)) == [.apply])
    #expect(machine.state == .degraded && machine.isUnconfirmed && !machine.isComplete)
    // The one of before is still there, so this one was its next.
    #expect(machine.handle(.quiet) == [.replay(from: 9)])
    #expect(machine.handle(.replayed(id(9))) == [.drop])
    #expect(machine.handle(.replayed(id(10))) == [.drop])
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .live && machine.isComplete)
  }

  @Test func aNumberThatDoesNotGrowIsARestart() {
    var machine = followed()
    #expect(machine.handle(.message(id(0), canWait: true)) == [.reset, .dropHeld, .apply])
    #expect(machine.restarts == 1)
    #expect(machine.handle(.message(id(1), canWait: true)) == [.apply])
    #expect(machine.state == .live)

    // The first messages of the new engine were missed.
    #expect(machine.handle(.message(id(1), canWait: true)) == [.reset, .dropHeld, .hold, .replay(from: 0)])
    #expect(machine.handle(.replayed(id(0))) == [.apply])
    #expect(machine.handle(.replayed(id(1))) == [.apply])
    #expect(machine.handle(.replayEnded(.complete)) == [.dropHeld])
    #expect(machine.state == .live)
  }

  @Test func aRestartWhileDisconnectedIsSeenByItsLowNumbers() {
    var machine = followed()
    #expect(machine.handle(.connected) == [.replay(from: 9)])
    // The new engine has published 0 to 3, and 4 comes before the replay has been answered.
    #expect(machine.handle(.message(id(4), canWait: true)) == [.drop])
    // The replay has nothing from number 9 on.
    #expect(machine.handle(.replayEnded(.complete)) == [.reset, .dropHeld, .replay(from: 0)])
    #expect(machine.handle(.message(id(5), canWait: true)) == [.hold])
    for number: UInt64 in 0...5 { #expect(machine.handle(.replayed(id(number))) == [.apply]) }
    #expect(machine.handle(.replayEnded(.complete)) == [.dropHeld])
    #expect(machine.state == .live)
    #expect(machine.lostMessages == 0 && machine.restarts == 1)
  }

  @Test func aRestartDuringAReplayBeginsAnotherOne() {
    var machine = followed()
    _ = machine.handle(.message(id(15), canWait: true))
    #expect(machine.handle(.message(id(3), canWait: true)) == [.reset, .dropHeld, .hold, .replay(from: 0)])
    #expect(machine.state == .replaying)
  }

  @Test func aSilentRestartIsToldByOtherEvidence() {
    var machine = followed()
    #expect(machine.handle(.restarted) == [.reset, .dropHeld, .replay(from: 0)])
    for number: UInt64 in 0...30 { #expect(machine.handle(.replayed(id(number))) == [.apply]) }
    _ = machine.handle(.replayEnded(.complete))
    #expect(machine.handle(.message(id(31), canWait: true)) == [.apply])
    #expect(machine.state == .live)
    // The engine's first start is none of ours to notice.
    var fresh = KVStreamStateMachine(hasReplay: true)
    #expect(fresh.handle(.restarted) == [])
  }

  @Test func withoutAReplaySocketGapsAreLosses() {
    var machine = machine(hasReplay: false)
    #expect(machine.handle(.connected) == [])
    #expect(machine.handle(.message(id(7), canWait: true)) == [.apply])
    #expect(machine.state == .degraded)
    #expect(machine.lostMessages == 7)
    #expect(machine.handle(.message(id(8), canWait: true)) == [.apply])
    #expect(machine.handle(.message(id(2), canWait: true)) == [.reset, .dropHeld, .apply])
    #expect(machine.lostMessages == 9)
    #expect(machine.handle(.message(id(0), canWait: true)) == [.reset, .dropHeld, .apply])
    #expect(machine.state == .live)
  }

  @Test func messagesOfAReplayThatIsOverAreDropped() {
    var machine = followed()
    #expect(machine.handle(.replayed(id(10))) == [.drop])
    #expect(machine.handle(.replayEnded(.complete)) == [])
  }

  @Test func heldMessagesAreBounded() {
    var machine = machine()
    _ = machine.handle(.connected)
    for number in 0..<UInt64(KVStreamStateMachine.maximumHeld) {
      #expect(machine.handle(.message(id(1 + number), canWait: true)) == [.hold])
    }
    #expect(machine.handle(.message(id(10_000), canWait: true)) == [.drop])
    _ = machine.handle(.replayed(id(0)))
    let actions = machine.handle(.replayEnded(.complete))
    #expect(actions.count == KVStreamStateMachine.maximumHeld + 1)
    // What was dropped is missing from the next message on, and then fetched.
    #expect(
      machine.handle(.message(id(10_001), canWait: true)) == [
        .hold, .replay(from: UInt64(KVStreamStateMachine.maximumHeld)),
      ])
  }

  /// A publisher with a bounded buffer, a subscription that loses and reconnects, restarts: whatever happens, every
  /// message is applied at most once and in order, none is applied across a restart without a reset, and a stream that
  /// says it is live has applied all of them.
  @Test(arguments: 0..<200 as Range<UInt64>, [true, false])
  func anyHistoryIsFollowed(_ seed: UInt64, hasReplay: Bool) {
    var world = SimulatedPublisher(seed: seed, hasReplay: hasReplay)
    for _ in 0..<400 { world.step() }
    world.finish()
  }
}
