import EPPKVEvents
import EPPPrefixCache
import Testing

/// What a stream makes of replays that do not answer, checks that run, and an engine that cannot be one.
@Suite struct KVStreamUnconfirmedTests {
  @Test func aCheckKeepsNoMessageWaiting() {
    var machine = followed()
    #expect(machine.handle(.quiet) == [.replay(from: 9)])
    #expect(machine.isChecking)
    for number: UInt64 in 10...12 { #expect(machine.handle(.message(id(number), canWait: true)) == [.apply]) }
    // Twice of the same is dropped by its number.
    for number: UInt64 in 9...12 { #expect(machine.handle(.replayed(id(number))) == [.drop]) }
    #expect(machine.handle(.replayed(id(13))) == [.apply])
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.handle(.message(id(13), canWait: true)) == [.drop])
    #expect(machine.state == .live && !machine.isFetching)
  }

  @Test func aCheckWithoutAnAnswerIsNotRepeatedAtOnce() {
    var machine = followed()
    _ = machine.handle(.quiet)
    #expect(machine.handle(.message(id(10), canWait: true)) == [.apply])
    // The message was live: the replay has brought nothing.
    #expect(machine.handle(.replayEnded(.brokenOff)) == [])
    #expect(machine.state == .live)
  }

  @Test func aCheckThatIsAnsweredByAnotherEngineIsARestart() {
    var machine = followed()
    _ = machine.handle(.quiet)
    #expect(machine.handle(.message(id(10, process: 1), canWait: true)) == [.apply])
    #expect(machine.handle(.replayed(id(9, process: 1))) == [.drop, .reset, .dropHeld, .replay(from: 0)])
    #expect(machine.restarts == 1)
  }

  @Test func theFirstMessageOfAllConfirmsTheBeginning() {
    var machine = KVStreamStateMachine(hasReplay: true)
    _ = machine.handle(.connected)
    #expect(machine.handle(.replayEnded(.brokenOff)) == [])
    #expect(machine.state == .degraded)
    #expect(machine.handle(.message(id(0), canWait: true)) == [.apply])
    #expect(machine.handle(.message(id(1), canWait: true)) == [.apply])
    #expect(machine.state == .live && machine.isComplete)

    // A later one shows that something is missing.
    machine = KVStreamStateMachine(hasReplay: true)
    _ = machine.handle(.connected)
    #expect(machine.handle(.message(id(3), canWait: true)) == [.hold])
    #expect(machine.handle(.replayEnded(.brokenOff)) == [.applyHeld(3), .dropHeld])
    #expect(machine.state == .degraded && !machine.isUnconfirmed)
    #expect(machine.lostMessages == 3)
  }

  @Test func anEngineThatHasPublishedNothingIsConfirmed() {
    var machine = KVStreamStateMachine(hasReplay: true)
    _ = machine.handle(.connected)
    _ = machine.handle(.replayEnded(.brokenOff))
    #expect(machine.handle(.quiet) == [.replay(from: 0)])
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .waiting && machine.isComplete)
  }

  @Test func whatIsUnconfirmedIsTheMessageBeforeTheReplay() {
    // Another process has come as far as the first one, and its next message follows by number.
    var machine = followed()
    _ = machine.handle(.connected)
    _ = machine.handle(.replayEnded(.brokenOff))
    _ = machine.handle(.message(id(10, process: 1), canWait: true))
    // A second connection whose replay is not answered changes nothing.
    #expect(machine.handle(.connected) == [.replay(from: 9)])
    _ = machine.handle(.replayEnded(.brokenOff))
    #expect(machine.state == .degraded)
    #expect(machine.handle(.quiet) == [.replay(from: 9)])
    #expect(machine.handle(.replayed(id(9, process: 1))) == [.drop, .reset, .dropHeld, .replay(from: 0)])
    for number: UInt64 in 0...10 { #expect(machine.handle(.replayed(id(number, process: 1))) == [.apply]) }
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .live)

    // The message is not kept any more: it will never be known.
    machine = followed()
    _ = machine.handle(.connected)
    _ = machine.handle(.replayEnded(.brokenOff))
    _ = machine.handle(.message(id(10), canWait: true))
    _ = machine.handle(.quiet)
    #expect(machine.handle(.replayed(id(10))) == [.drop])
    #expect(machine.handle(.replayEnded(.complete)) == [])
    #expect(machine.state == .degraded && !machine.isUnconfirmed)
    _ = machine.handle(.cleared(by: 10))
    #expect(machine.state == .live)
  }

  @Test func anEmptiedCacheNeedsNoConfirmation() {
    var machine = followed()
    _ = machine.handle(.connected)
    _ = machine.handle(.replayEnded(.brokenOff))
    _ = machine.handle(.message(id(10), canWait: true))
    _ = machine.handle(.cleared(by: 10))
    #expect(machine.state == .live && machine.isComplete)
  }

  @Test func whatNoReplayReachesIsNotAskedForAgain() {
    var machine = KVStreamStateMachine(hasReplay: true)
    _ = machine.handle(.connected)
    for number: UInt64 in 500...510 { #expect(machine.handle(.replayed(id(number))) == [.apply]) }
    _ = machine.handle(.replayEnded(.complete))
    #expect(machine.state == .degraded)
    // It is known that it holds more, and asking again would only forget what has come since.
    #expect(machine.handle(.mistrusted(.holdsMore)) == [])
    #expect(machine.handle(.mistrusted(.holdsLess)) == [.reset, .dropHeld, .replay(from: 0)])

    // What was lost later may be there.
    machine = followed()
    _ = machine.handle(.message(id(12), canWait: true))
    _ = machine.handle(.replayEnded(.brokenOff))
    #expect(machine.state == .degraded)
    #expect(machine.handle(.mistrusted(.holdsMore)) == [.reset, .dropHeld, .replay(from: 0)])
  }

  @Test(arguments: [true, false]) func aSuspendedStreamTakesNothing(_ hasReplay: Bool) {
    var machine = followed(hasReplay: hasReplay)
    #expect(machine.handle(.suspended) == [.reset, .dropHeld])
    #expect(machine.state == .degraded && !machine.isComplete)
    #expect(machine.handle(.message(id(0), canWait: true)) == [.drop])
    #expect(machine.handle(.message(id(0), canWait: true)) == [.drop])
    #expect(machine.handle(.replayed(id(3))) == [.drop])
    for event: KVStreamEvent in [
      .connected, .quiet, .restarted, .mistrusted(.holdsLess), .replayEnded(.complete), .suspended,
    ] {
      #expect(machine.handle(event) == [])
    }
    #expect(machine.restarts == 0 && machine.lostMessages == 0 && machine.state == .degraded)

    #expect(machine.handle(.continued) == (hasReplay ? [.replay(from: 0)] : []))
    if hasReplay { for number: UInt64 in 0...4 { #expect(machine.handle(.replayed(id(number))) == [.apply]) } }
    if hasReplay { #expect(machine.handle(.replayEnded(.complete)) == []) }
    #expect(machine.handle(.message(id(5), canWait: true)) == [.apply])
    #expect(machine.state == (hasReplay ? .live : .degraded))
    #expect(machine.restarts == 0)
    #expect(machine.handle(.continued) == [])
  }
}
