import EPPKVEvents
import EPPPrefixCache
import Testing

/// What a stream takes for lost, and what for a restart.
@Suite struct KVStreamLossTests {
  @Test func whatIsLostBehindAClearStaysLost() {
    var machine = followed()
    for number: UInt64 in [11, 12, 15] { _ = machine.handle(.message(id(number), canWait: true)) }
    #expect(
      machine.handle(.replayEnded(.brokenOff)) == [.applyHeld(11), .applyHeld(12), .applyHeld(15), .dropHeld])
    // Message 12 says that the cache is empty: that makes up for 10, and not for 13 and 14.
    _ = machine.handle(.cleared(by: 12))
    #expect(machine.state == .degraded && !machine.isComplete)
    _ = machine.handle(.cleared(by: 15))
    #expect(machine.state == .live && machine.isComplete)
    #expect(machine.lostMessages == 3)
  }

  @Test func aClearMakesUpForALostBeginning() {
    var machine = KVStreamStateMachine(hasReplay: true)
    _ = machine.handle(.connected)
    _ = machine.handle(.replayed(id(500)))
    _ = machine.handle(.replayEnded(.complete))
    #expect(machine.handle(.mistrusted(.holdsMore)) == [])
    _ = machine.handle(.message(id(501), canWait: true))
    _ = machine.handle(.cleared(by: 501))
    // What is lost after it is no beginning: a replay may have it.
    _ = machine.handle(.message(id(503), canWait: true))
    _ = machine.handle(.replayEnded(.brokenOff))
    #expect(machine.state == .degraded)
    #expect(machine.handle(.mistrusted(.holdsMore)) == [.reset, .dropHeld, .replay(from: 0)])
  }

  @Test(arguments: [true, false]) func whatWasForgottenOnPurposeIsNotLost(_ hasReplay: Bool) {
    var machine = followed(hasReplay: hasReplay)
    _ = machine.handle(.mistrusted(.holdsLess))
    _ = machine.handle(.replayEnded(.brokenOff))
    _ = machine.handle(.message(id(1_000_000), canWait: true))
    _ = machine.handle(.replayEnded(.brokenOff))
    #expect(machine.state == .degraded && machine.next == 1_000_001)
    #expect(machine.lostMessages == 0)
    // From there on it counts again.
    _ = machine.handle(.message(id(1_000_003), canWait: true))
    _ = machine.handle(.replayEnded(.brokenOff))
    #expect(machine.lostMessages == 2)

    machine = followed(hasReplay: hasReplay)
    _ = machine.handle(.suspended)
    _ = machine.handle(.continued)
    _ = machine.handle(.replayEnded(.brokenOff))
    _ = machine.handle(.message(id(500), canWait: true))
    _ = machine.handle(.replayEnded(.brokenOff))
    #expect(machine.state == .degraded && machine.lostMessages == 0)
  }

  @Test func aReplayOfWhatWasForgottenLosesNothing() {
    var machine = followed()
    _ = machine.handle(.mistrusted(.holdsLess))
    #expect(machine.handle(.replayed(id(7))) == [.apply])
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .degraded && machine.lostMessages == 0)
  }

  @Test func messagesOfTheOldConnectionAreNoRestart() {
    // A check has brought 10 to 12, which wait in the socket when the new connection is told of.
    var machine = followed()
    _ = machine.handle(.quiet)
    for number: UInt64 in 9...12 { _ = machine.handle(.replayed(id(number))) }
    _ = machine.handle(.replayEnded(.complete))
    #expect(machine.handle(.connected) == [.replay(from: 12)])
    #expect(machine.handle(.message(id(10), canWait: true)) == [.drop])
    #expect(machine.handle(.replayed(id(12))) == [.drop])
    #expect(machine.handle(.replayEnded(.complete)) == [])
    // The engine was the same when it was asked. One more question, for the connection may be a proxy's.
    #expect(machine.handle(.message(id(11), canWait: true)) == [.drop, .replay(from: 12)])
    #expect(machine.handle(.message(id(12), canWait: true)) == [.drop])
    #expect(machine.handle(.message(id(13), canWait: true)) == [.hold])
    #expect(machine.handle(.replayed(id(12))) == [.drop])
    #expect(machine.handle(.replayEnded(.complete)) == [.applyHeld(13), .dropHeld])
    #expect(machine.restarts == 0 && machine.state == .live && machine.lostMessages == 0)
    // On the connection itself numbers only grow.
    #expect(machine.handle(.message(id(12), canWait: true)).first == .reset)
    #expect(machine.restarts == 1)
  }

  @Test func oldMessagesAreVerifiedOnce() {
    var machine = followed()
    _ = machine.handle(.connected)
    _ = machine.handle(.replayed(id(9)))
    _ = machine.handle(.replayEnded(.complete))
    #expect(machine.handle(.message(id(3), canWait: true)) == [.drop, .replay(from: 9)])
    _ = machine.handle(.replayed(id(9)))
    _ = machine.handle(.replayEnded(.complete))
    for number: UInt64 in 4...9 { #expect(machine.handle(.message(id(number), canWait: true)) == [.drop]) }
    #expect(machine.restarts == 0)
  }

  @Test func aRestartBehindAProxyIsVerified() {
    var machine = followed()
    _ = machine.handle(.connected)
    _ = machine.handle(.replayed(id(9)))
    _ = machine.handle(.replayEnded(.complete))
    #expect(machine.handle(.message(id(3, process: 1), canWait: true)) == [.drop, .replay(from: 9)])
    #expect(machine.handle(.replayEnded(.complete)) == [.reset, .dropHeld, .replay(from: 0)])
    for number: UInt64 in 0...3 { #expect(machine.handle(.replayed(id(number, process: 1))) == [.apply]) }
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.restarts == 1 && machine.state == .live)
  }

  @Test func aLowNumberThatNoReplayExplainsIsARestart() {
    var machine = followed()
    _ = machine.handle(.connected)
    #expect(machine.handle(.message(id(3, process: 1), canWait: true)) == [.drop])
    _ = machine.handle(.replayEnded(.brokenOff))
    #expect(machine.handle(.message(id(4, process: 1), canWait: true)).first == .reset)
    #expect(machine.restarts == 1)

    // Without a replay nothing overtakes what waits.
    machine = followed(hasReplay: false)
    _ = machine.handle(.connected)
    #expect(machine.handle(.message(id(3, process: 1), canWait: true)) == [.reset, .dropHeld, .apply])
  }

  @Test func aRestartCountsOnce() {
    var machine = followed()
    // A message of the old connection that waits, told of after the new one.
    _ = machine.handle(.connected)
    #expect(machine.handle(.message(id(10), canWait: true)) == [.hold])
    #expect(machine.handle(.replayed(id(9, process: 1))).contains(.reset))
    for number: UInt64 in 0...9 { _ = machine.handle(.replayed(id(number, process: 1))) }
    _ = machine.handle(.replayEnded(.complete))
    #expect(machine.handle(.message(id(10, process: 1), canWait: true)) == [.apply])
    #expect(machine.restarts == 1 && machine.state == .live)
  }
}
