import EPPCore
import Testing

@Suite struct MonotonicTimeTests {
  @Test func timesAreOrderedAndApart() {
    let early = MonotonicTime(nanoseconds: 1_000)
    let late = early.advanced(by: .seconds(2))
    #expect(late.nanoseconds == 2_000_001_000)
    #expect(early < late)
    #expect(late.duration(since: early) == .seconds(2))
    #expect(early.duration(since: late) == .seconds(-2))
    #expect(late.advanced(by: .seconds(-2)) == early)
    #expect(early.advanced(by: .nanoseconds(-1)).nanoseconds == 999)
    #expect(early.advanced(by: .milliseconds(-1)).nanoseconds == 0)
  }

  @Test func theEndsOfTheScaleHold() {
    let first = MonotonicTime(nanoseconds: 0)
    let last = MonotonicTime(nanoseconds: .max)
    #expect(last.advanced(by: .seconds(1)) == last)
    #expect(first.advanced(by: .seconds(-1)) == first)
    // A step is 292 years at most, and never wraps.
    #expect(first.advanced(by: .seconds(Int64.max)).nanoseconds == UInt64(Int64.max))
    #expect(last.advanced(by: .seconds(Int64.max)) == last)
    #expect(last.advanced(by: .seconds(Int64.min)).nanoseconds == UInt64.max - Int64.min.magnitude)
    #expect(first.advanced(by: .seconds(Int64.min)) == first)
    #expect(last.duration(since: first) == .nanoseconds(Int64.max))
    #expect(first.duration(since: last) == .nanoseconds(-Int64.max))
    #expect(first.duration(since: first) == .zero)
  }
}
