import EPPCore
import EPPKVEvents
import Testing

@Suite struct ReplayTurnsTests {
  private func time(_ milliseconds: Int) -> MonotonicTime {
    MonotonicTime(nanoseconds: 1_000_000_000).advanced(by: .milliseconds(milliseconds))
  }

  @Test func someAtATimeInOrder() {
    var turns = ReplayTurns(maximum: 2, longest: .seconds(10))
    for stream: UInt64 in 1...4 { turns.enqueue(stream, isUrgent: true) }
    #expect(turns.next() == [1, 2])
    #expect(turns.next() == [])
    turns.end()
    turns.remove(3)
    #expect(turns.next() == [4])
    #expect(turns.next() == [])
  }

  @Test func whoMissesSomethingComesBeforeWhoOnlyChecks() {
    var turns = ReplayTurns(maximum: 3, longest: .seconds(10))
    turns.enqueue(1, isUrgent: false)
    turns.enqueue(2, isUrgent: false)
    turns.enqueue(3, isUrgent: true)
    turns.enqueue(4, isUrgent: true)
    #expect(turns.next() == [3, 4, 1])
    for _ in 0..<3 { turns.end() }
    #expect(turns.next() == [2])
  }

  @Test func aTurnIsShortWhileOthersWait() {
    var turns = ReplayTurns(maximum: 2, longest: .seconds(10))
    for stream: UInt64 in 1...2 { turns.enqueue(stream, isUrgent: true) }
    // There is a turn for each.
    #expect(!turns.isOver(time(0), time(60_000)))
    _ = turns.next()
    #expect(!turns.isOver(time(0), time(60_000)))
    turns.enqueue(3, isUrgent: false)
    #expect(!turns.isOver(time(0), time(9_999)) && turns.isOver(time(0), time(10_000)))
    turns.end()
    #expect(!turns.isOver(time(0), time(60_000)))
    #expect(turns.next() == [3])
  }

  /// Eight engines that bring a message now and then for two minutes each, and one that is answered at once.
  @Test func repliesInDropsKeepNobodyWaiting() {
    var turns = ReplayTurns(maximum: 8, longest: .seconds(10))
    var began: [UInt64: MonotonicTime] = [:]
    for stream: UInt64 in 0..<8 { turns.enqueue(stream, isUrgent: true) }
    var answeredAt: Int?
    for second in 0..<120 where answeredAt == nil {
      let now = time(1000 * second)
      for (stream, start) in began where turns.isOver(start, now) {
        began[stream] = nil
        turns.end()
        turns.enqueue(stream, isUrgent: true)
      }
      if second == 1 { turns.enqueue(8, isUrgent: true) }
      for stream in turns.next() {
        if stream == 8 { answeredAt = second } else { began[stream] = now }
      }
    }
    #expect(answeredAt == 10)
  }

  @Test func onlyAnEmptySocketIsSilent() {
    var silence = ReplaySilence(askedAt: time(0))
    #expect(!silence.mayBe(longerThan: .seconds(2), time(1999)) && silence.mayBe(longerThan: .seconds(2), time(2000)))
    // The socket has not been read.
    #expect(!silence.isLonger(than: .seconds(2)))
    silence.noteEmpty(time(1000))
    #expect(!silence.isLonger(than: .seconds(2)))
    // The thread was away, and the answer is there.
    silence.noteHeard(time(5000))
    silence.noteEmpty(time(5000))
    #expect(!silence.isLonger(than: .seconds(2)) && !silence.mayBe(longerThan: .seconds(2), time(6999)))
    silence.noteEmpty(time(7000))
    #expect(silence.isLonger(than: .seconds(2)))
  }

  @Test func aCheckIsMadeOnceForEachTimeItIsDue() {
    var (check, pause) = (ReplayCheckSchedule(), ReplayPause(first: .seconds(2), longest: .seconds(10)))
    func take(_ milliseconds: Int, isUnconfirmed: Bool = false) -> Bool {
      check.take(time(milliseconds), isUnconfirmed: isUnconfirmed, pause)
    }
    #expect(!take(0))
    check.set(time(1000))
    #expect(!take(999))
    #expect(take(1000))
    #expect(!take(2000))
    check.set(time(3000))
    check.cancel()
    #expect(!take(3000))

    // Not answered: as soon as the pause is over, but not before what has come since makes it due.
    pause.noteFailure(time(3000))
    check.noteUnanswered(pause)
    #expect(!take(4999, isUnconfirmed: true) && take(5000))
    check.set(time(9000))
    check.noteUnanswered(pause)
    #expect(check.dueAt == time(9000))
  }

  @Test func aCheckOfAnUnconfirmedEngineLeavesTheOneThatIsNotDue() {
    var check = ReplayCheckSchedule()
    func take(_ milliseconds: Int, isUnconfirmed: Bool = false) -> Bool {
      check.take(
        time(milliseconds), isUnconfirmed: isUnconfirmed, ReplayPause(first: .seconds(2), longest: .seconds(10)))
    }
    check.set(time(2000))
    #expect(take(200, isUnconfirmed: true))
    #expect(take(2000))
  }

  @Test func pausesDouble() {
    var pause = ReplayPause(first: .seconds(2), longest: .seconds(10))
    #expect(pause.isOver(time(0)))
    for seconds in [2, 4, 8, 10, 10] {
      pause.noteFailure(time(0))
      #expect(!pause.isOver(time(1000 * seconds - 1)) && pause.isOver(time(1000 * seconds)))
    }
    // Messages wait for the rest of it, and not longer.
    #expect(!pause.isShort(time(5_999)) && pause.isShort(time(6_000)) && !pause.isOver(time(6_000)))
    pause.reset()
    #expect(pause.isOver(time(0)) && pause.isShort(time(0)))
    pause.noteFailure(time(0))
    #expect(pause.end == time(2000))
  }

  /// A hundred engines whose replay does not answer, each checked when it is quiet, beside one that answers.
  @Test func socketsThatDoNotAnswerKeepNobodyWaiting() {
    let dead = 100
    var turns = ReplayTurns(maximum: 8, longest: .seconds(10))
    var pauses = [ReplayPause](repeating: ReplayPause(first: .seconds(2), longest: .seconds(256)), count: dead)
    /// Until when a dead one has its turn; nil when it waits for one, or for its pause.
    var asked = [MonotonicTime?](repeating: nil, count: dead)
    var isWaiting = [Bool](repeating: false, count: dead)
    let living = UInt64(dead)
    var wantedAt: Int?
    var longestWait = 0
    for step in 0..<20_000 {
      let now = time(100 * step)
      for stream in 0..<dead {
        if let end = asked[stream], now >= end {
          asked[stream] = nil
          pauses[stream].noteFailure(now)
          turns.end()
        }
        if asked[stream] == nil, !isWaiting[stream], pauses[stream].isOver(now) {
          isWaiting[stream] = true
          turns.enqueue(UInt64(stream), isUrgent: false)
        }
      }
      if step % 100 == 0, wantedAt == nil {
        wantedAt = step
        turns.enqueue(living, isUrgent: false)
      }
      for stream in turns.next() {
        if stream == living {
          // After the first minutes, in which each of them had to be asked a few times.
          if step > 10_000 { longestWait = max(longestWait, step - (wantedAt ?? step)) }
          wantedAt = nil
          turns.end()
        } else {
          isWaiting[Int(stream)] = false
          asked[Int(stream)] = now.advanced(by: .seconds(2))
        }
      }
    }
    #expect(longestWait <= 150, "tenths of a second")
  }
}
