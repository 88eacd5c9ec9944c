import EPPKVEvents
import Testing

@Suite struct KVStreamStateMachineTests {
  private func machine(hasReplay: Bool = true) -> KVStreamStateMachine { KVStreamStateMachine(hasReplay: hasReplay) }

  /// A stream that has applied numbers 0 to 9 live.
  private func followed(hasReplay: Bool = true) -> KVStreamStateMachine {
    var machine = machine(hasReplay: hasReplay)
    _ = machine.handle(.connected)
    _ = machine.handle(.replayEnded)
    for number: UInt64 in 0..<10 { #expect(machine.handle(.message(number)) == [.apply]) }
    return machine
  }

  @Test func aFreshEngineIsFollowedFromItsFirstMessage() {
    var machine = machine()
    #expect(machine.state == .waiting)
    #expect(machine.handle(.connected) == [.replay(from: 0)])
    #expect(machine.state == .replaying)
    #expect(machine.handle(.replayEnded) == [])
    #expect(machine.state == .waiting)
    #expect(machine.handle(.message(0)) == [.apply])
    #expect(machine.state == .live)
  }

  @Test func aLateSubscriberCatchesUp() {
    var machine = machine()
    _ = machine.handle(.connected)
    // Live messages come before the replay has brought what they follow.
    #expect(machine.handle(.message(2)) == [.hold])
    #expect(machine.handle(.message(3)) == [.hold])
    #expect(machine.handle(.replayed(0)) == [.apply])
    #expect(machine.handle(.replayed(1)) == [.apply])
    #expect(machine.handle(.replayed(2)) == [.apply])
    #expect(machine.handle(.replayEnded) == [.applyHeld(3), .dropHeld])
    #expect(machine.state == .live)
    #expect(machine.handle(.message(4)) == [.apply])
  }

  @Test func aReplayThatIsAheadOfTheLiveMessagesMakesThemKnown() {
    var machine = machine()
    _ = machine.handle(.connected)
    for number: UInt64 in 0..<5 { _ = machine.handle(.replayed(number)) }
    #expect(machine.handle(.replayEnded) == [])
    // Published before the end of the replay, delivered after it: no restart.
    #expect(machine.handle(.message(3)) == [.drop])
    #expect(machine.handle(.message(4)) == [.drop])
    #expect(machine.handle(.message(5)) == [.apply])
    #expect(machine.restarts == 0)
  }

  @Test func whatTheBufferNoLongerHasIsLost() {
    var machine = machine()
    _ = machine.handle(.connected)
    #expect(machine.handle(.replayed(500)) == [.apply])
    #expect(machine.handle(.replayEnded) == [])
    #expect(machine.state == .degraded)
    #expect(machine.lostMessages == 500)
    #expect(machine.handle(.message(501)) == [.apply])
    #expect(machine.state == .degraded)
    // Now everything about the cache is known.
    #expect(machine.handle(.cleared) == [])
    #expect(machine.state == .live)
  }

  @Test func aGapIsReplayed() {
    var machine = followed()
    #expect(machine.handle(.message(12)) == [.hold, .replay(from: 10)])
    #expect(machine.handle(.message(13)) == [.hold])
    #expect(machine.handle(.replayed(10)) == [.apply])
    #expect(machine.handle(.replayed(11)) == [.apply])
    #expect(machine.handle(.replayed(12)) == [.apply])
    #expect(machine.handle(.replayEnded) == [.applyHeld(13), .dropHeld])
    #expect(machine.state == .live)
    #expect(machine.lostMessages == 0)
  }

  @Test func aGapBehindAReplayIsReplayedToo() {
    var machine = followed()
    _ = machine.handle(.message(12))
    #expect(machine.handle(.message(20)) == [.hold])
    for number: UInt64 in 10...15 { _ = machine.handle(.replayed(number)) }
    #expect(machine.handle(.replayEnded) == [.replay(from: 16)])
    for number: UInt64 in 16...20 { _ = machine.handle(.replayed(number)) }
    #expect(machine.handle(.replayEnded) == [.dropHeld])
    #expect(machine.state == .live)
  }

  @Test func aReplayThatBringsNothingIsNotAskedForAgain() {
    var machine = followed()
    _ = machine.handle(.message(12))
    #expect(machine.handle(.replayEnded) == [.applyHeld(12), .dropHeld])
    #expect(machine.state == .degraded)
    #expect(machine.lostMessages == 2)
    #expect(machine.handle(.message(13)) == [.apply])
  }

  @Test func aReplayWithoutAnAnswerLeavesTheStreamDegraded() {
    var machine = followed()
    _ = machine.handle(.connected)
    #expect(machine.handle(.replayFailed) == [])
    #expect(machine.state == .degraded)
    #expect(machine.handle(.message(10)) == [.apply])
  }

  @Test func aNumberThatDoesNotGrowIsARestart() {
    var machine = followed()
    #expect(machine.handle(.message(0)) == [.reset, .dropHeld, .apply])
    #expect(machine.restarts == 1)
    #expect(machine.handle(.message(1)) == [.apply])
    #expect(machine.state == .live)

    // The first messages of the new engine were missed.
    #expect(machine.handle(.message(1)) == [.reset, .dropHeld, .hold, .replay(from: 0)])
    #expect(machine.handle(.replayed(0)) == [.apply])
    #expect(machine.handle(.replayed(1)) == [.apply])
    #expect(machine.handle(.replayEnded) == [.dropHeld])
    #expect(machine.state == .live)
  }

  @Test func aRestartWhileDisconnectedIsSeenByItsLowNumbers() {
    var machine = followed()
    #expect(machine.handle(.connected) == [.replay(from: 10)])
    // The new engine has published 0 to 3: none from 10 on.
    #expect(machine.handle(.replayEnded) == [])
    #expect(machine.handle(.message(4)) == [.reset, .dropHeld, .hold, .replay(from: 0)])
    for number: UInt64 in 0...4 { #expect(machine.handle(.replayed(number)) == [.apply]) }
    #expect(machine.handle(.replayEnded) == [.dropHeld])
    #expect(machine.state == .live)
    #expect(machine.lostMessages == 0)
  }

  @Test func aRestartDuringAReplayBeginsAnotherOne() {
    var machine = followed()
    _ = machine.handle(.message(15))
    #expect(machine.handle(.message(3)) == [.reset, .dropHeld, .hold, .replay(from: 0)])
    #expect(machine.state == .replaying)
  }

  @Test func aSilentRestartIsToldByOtherEvidence() {
    var machine = followed()
    #expect(machine.handle(.restarted) == [.reset, .dropHeld, .replay(from: 0)])
    for number: UInt64 in 0...30 { #expect(machine.handle(.replayed(number)) == [.apply]) }
    _ = machine.handle(.replayEnded)
    #expect(machine.handle(.message(31)) == [.apply])
    #expect(machine.state == .live)
    // The engine's first start is none of ours to notice.
    var fresh = KVStreamStateMachine(hasReplay: true)
    #expect(fresh.handle(.restarted) == [])
  }

  @Test func withoutAReplaySocketGapsAreLosses() {
    var machine = machine(hasReplay: false)
    #expect(machine.handle(.connected) == [])
    #expect(machine.handle(.message(7)) == [.apply])
    #expect(machine.state == .degraded)
    #expect(machine.lostMessages == 7)
    #expect(machine.handle(.message(8)) == [.apply])
    #expect(machine.handle(.message(2)) == [.reset, .dropHeld, .apply])
    #expect(machine.lostMessages == 9)
    #expect(machine.handle(.message(0)) == [.reset, .dropHeld, .apply])
    #expect(machine.state == .live)
  }

  @Test func messagesOfAReplayThatIsOverAreDropped() {
    var machine = followed()
    #expect(machine.handle(.replayed(10)) == [.drop])
    #expect(machine.handle(.replayEnded) == [])
  }

  @Test func heldMessagesAreBounded() {
    var machine = machine()
    _ = machine.handle(.connected)
    for number in 0..<UInt64(KVStreamStateMachine.maximumHeld) {
      #expect(machine.handle(.message(1 + number)) == [.hold])
    }
    #expect(machine.handle(.message(10_000)) == [.drop])
    _ = machine.handle(.replayed(0))
    let actions = machine.handle(.replayEnded)
    #expect(actions.count == KVStreamStateMachine.maximumHeld + 1)
    // What was dropped is missing from the next message on, and then fetched.
    #expect(machine.handle(.message(10_001)) == [.hold, .replay(from: UInt64(KVStreamStateMachine.maximumHeld) + 1)])
  }

  /// A publisher with a bounded buffer, a subscription that loses and reconnects, restarts: whatever happens, every
  /// message is applied at most once and in order, none is applied across a restart without a reset, and a stream that
  /// says it is live has applied all of them.
  @Test(arguments: 0..<200 as Range<UInt64>) func anyHistoryIsFollowed(_ seed: UInt64) {
    var world = SimulatedPublisher(seed: seed)
    for _ in 0..<400 { world.step() }
    world.finish()
  }
}
