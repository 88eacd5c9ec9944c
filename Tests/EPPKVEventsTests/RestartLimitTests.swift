import EPPCore
import EPPKVEvents
import Testing

@Suite struct RestartLimitTests {
  private func time(_ seconds: Int) -> MonotonicTime {
    MonotonicTime(nanoseconds: 1_000_000_000).advanced(by: .seconds(seconds))
  }

  @Test func aFewRestartsAreAnEngines() {
    var limit = RestartLimit(window: .seconds(60), pause: .seconds(30))
    for restart in 0..<100 { #expect(limit.note(time(21 * restart)) == false) }
    #expect(limit.isTrusted(time(2100)) && limit.pausedUntil == nil)
  }

  @Test func manyOfThemAreNot() {
    var limit = RestartLimit(window: .seconds(60), pause: .seconds(30))
    for second in 0..<RestartLimit.tolerated { #expect(limit.note(time(second)) == false) }
    #expect(limit.isTrusted(time(3)))
    #expect(limit.note(time(3)) == true)
    #expect(limit.pausedUntil == time(33))
    #expect(!limit.isTrusted(time(3)))
    #expect(limit.endPause(time(32)) == false)
    #expect(limit.endPause(time(33)) == true)
    // Once.
    #expect(limit.endPause(time(34)) == false)
    #expect(limit.pausedUntil == nil)
  }

  @Test func pausesGrowUntilItBehaves() {
    var limit = RestartLimit(window: .seconds(60), pause: .seconds(30))
    func provoke(_ start: Int) -> Int {
      for _ in 0..<RestartLimit.tolerated { #expect(limit.note(time(start)) == false) }
      #expect(limit.note(time(start)) == true)
      return (0...1000).first { limit.endPause(time(start + $0)) } ?? -1
    }
    var now = 0
    for pause in [30, 60, 120, 240, 480, 480] {
      #expect(provoke(now) == pause)
      now += pause
    }
    #expect(!limit.isTrusted(time(now + 299)) && limit.isTrusted(time(now + 300)))
    #expect(provoke(now + 300) == 30)
  }

  /// However fast numbers begin anew, an hour of it costs a few of everything.
  @Test(arguments: [[0], [100, 5], [3, 2, 1]] as [[UInt64]])
  func anHourOfThemIsCheap(_ numbers: [UInt64]) {
    var machine = KVStreamStateMachine(hasReplay: true)
    var limit = RestartLimit(window: .seconds(60), pause: .seconds(30))
    var (resets, replays, suspensions) = (0, 0, 0)
    var seen = machine.restarts
    func perform(_ event: KVStreamEvent) {
      for action in machine.handle(event) {
        if action == .reset { resets += 1 }
        if case .replay = action { replays += 1 }
      }
    }
    perform(.connected)
    perform(.replayEnded(.complete))
    for step in 0..<36_000 {
      let now = time(0).advanced(by: .milliseconds(100 * step))
      if limit.endPause(now) { perform(.continued) }
      perform(.message(KVMessageID(number: numbers[step % numbers.count], mark: UInt64(step)), canWait: true))
      perform(.replayEnded(.complete))
      if machine.restarts > seen, limit.note(now) {
        suspensions += 1
        perform(.suspended)
      }
      seen = machine.restarts
    }
    #expect(suspensions >= 2 && suspensions <= 12)
    #expect(machine.restarts <= 50 && resets <= 60 && replays <= 120)
    #expect(machine.state == .degraded || limit.pausedUntil == nil)
    // A single engine is followed as if nothing had been.
    perform(.continued)
    perform(.replayEnded(.complete))
    perform(.message(KVMessageID(number: 0, mark: 7), canWait: true))
    perform(.message(KVMessageID(number: 1, mark: 8), canWait: true))
    #expect(machine.next == 2 && machine.state == .live)
  }
}
