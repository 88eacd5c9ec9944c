import EPPCore
import EPPKVEvents
import Testing

@Suite struct ReplayTurnsTests {
  private func time(_ milliseconds: Int) -> MonotonicTime {
    MonotonicTime(nanoseconds: 1_000_000_000).advanced(by: .milliseconds(milliseconds))
  }

  @Test func someAtATimeInOrder() {
    var turns = ReplayTurns(maximum: 2)
    for stream: UInt64 in 1...4 { turns.enqueue(stream, isUrgent: true) }
    #expect(turns.next() == [1, 2])
    #expect(turns.next() == [])
    turns.end()
    turns.remove(3)
    #expect(turns.next() == [4])
    #expect(turns.next() == [])
  }

  @Test func whoMissesSomethingComesBeforeWhoOnlyLooks() {
    var turns = ReplayTurns(maximum: 3)
    turns.enqueue(1, isUrgent: false)
    turns.enqueue(2, isUrgent: false)
    turns.enqueue(3, isUrgent: true)
    turns.enqueue(4, isUrgent: true)
    #expect(turns.next() == [3, 4, 1])
    for _ in 0..<3 { turns.end() }
    #expect(turns.next() == [2])
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

  /// A hundred engines whose replay does not answer, each looked at when it is quiet, beside one that answers.
  @Test func socketsThatDoNotAnswerKeepNobodyWaiting() {
    let dead = 100
    var turns = ReplayTurns(maximum: 8)
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
