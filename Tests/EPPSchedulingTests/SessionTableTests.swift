import EPPCore
import EPPScheduling
import Testing

@Suite struct SessionTableTests {
  private let first = EndpointSlot(index: 0, generation: 1)
  private let second = EndpointSlot(index: 1, generation: 1)

  private func table(seconds: Int = 300, all: Int = 1_000, address: Int = 1_000) -> SessionTable {
    SessionTable(timeToLive: .seconds(seconds), maximumSessions: all, maximumSessionsPerAddress: address)
  }

  private func key(_ number: UInt64, owner: UInt64? = nil) -> SessionKey {
    SessionKey(digest: number &* 0x9E37_79B9_7F4A_7C15, placement: number, owner: owner)
  }

  private func time(_ seconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

  @Test func aSessionIsNewThenKeptThenMoved() {
    let table = table()
    #expect(table.slot(of: key(1), now: time(0)) == nil)
    #expect(table.bind(key(1), to: first, now: time(0)) == .new)
    #expect(table.slot(of: key(1), now: time(1)) == first)
    #expect(table.bind(key(1), to: first, now: time(1)) == .kept)
    #expect(table.bind(key(1), to: second, now: time(2)) == .moved)
    #expect(table.slot(of: key(1), now: time(3)) == second)
    // The next endpoint in the same slot is another one.
    #expect(table.bind(key(1), to: EndpointSlot(index: 1, generation: 2), now: time(3)) == .moved)
    #expect(table.count == 1)
  }

  @Test func aSessionEndsAfterItsTimeToLiveWithoutARequest() {
    let table = table(seconds: 10)
    _ = table.bind(key(1), to: first, now: time(0))
    _ = table.bind(key(1), to: first, now: time(8))
    #expect(table.slot(of: key(1), now: time(17)) == first)
    #expect(table.slot(of: key(1), now: time(18)) == nil)
    #expect(table.slot(of: key(1), now: time(3_600)) == nil)
    #expect(table.bind(key(1), to: first, now: time(18)) == .new)
  }

  @Test func aSessionHoldsUpToItsTimeAndIsFreeAfterIt() {
    let table = table(seconds: 7_200)
    _ = table.bind(key(1), to: first, now: time(100))
    _ = table.bind(key(1), to: first, now: time(5_000))
    #expect(table.slot(of: key(1), now: time(5_000 + 7_199)) == first)
    #expect(table.slot(of: key(1), now: time(5_000 + 7_201)) == nil)
    #expect(table.bind(key(1), to: second, now: time(5_000 + 7_201)) == .new)
  }

  @Test func sessionsAreCountedBySlot() {
    let table = table(seconds: 10, all: 100_000, address: 2)
    for number in 0..<1_000 as Range<UInt64> {
      _ = table.bind(key(number), to: number < 300 ? first : second, now: time(0))
    }
    #expect(table.sessionsBySlot == [first: 300, second: 700])
    // Moved by a request, and by the endpoint that served it.
    _ = table.bind(key(0), to: second, now: time(1))
    table.move(key(1), from: first, to: second)
    // Bound to another one meanwhile.
    table.move(key(2), from: second, to: EndpointSlot(index: 5, generation: 1))
    table.move(key(7_777), from: first, to: second)
    #expect(table.sessionsBySlot == [first: 298, second: 702])
    // Three of an address that may have two.
    for number in 5_000..<5_003 as Range<UInt64> { _ = table.bind(key(number, owner: 9), to: first, now: time(5)) }
    #expect(table.sessionsBySlot == [first: 300, second: 702])
    table.sweep(now: time(10))
    #expect(table.sessionsBySlot == [first: 2, second: 1])
    #expect(table.count == 3)
    table.sweep(now: time(100))
    #expect(table.sessionsBySlot == [:])
  }

  @Test func expiredSessionsAreSweptByNewOnes() {
    let table = table(seconds: 10, all: 100_000, address: 100_000)
    for number in 0..<20_000 as Range<UInt64> { _ = table.bind(key(number), to: first, now: time(0)) }
    #expect(table.count == 20_000)
    for number in 20_000..<30_000 as Range<UInt64> { _ = table.bind(key(number), to: first, now: time(11)) }
    #expect(table.count == 10_000)
  }

  @Test(arguments: [1, 7, 500, 70_000]) func theTableIsBoundedInAll(maximum: Int) {
    let table = table(all: maximum, address: .max)
    for number in 0..<UInt64(2 * maximum) { _ = table.bind(key(number), to: first, now: time(0)) }
    #expect(table.count <= maximum)
    #expect(table.count >= maximum * 9 / 10)
    #expect(table.slot(of: key(UInt64(2 * maximum - 1)), now: time(0)) == first)
  }

  @Test func aMillionKeysAndMoreStayWithinTheBound() {
    let table = table(all: 1_000_000, address: 10_000)
    for number in 0..<1_100_000 as Range<UInt64> {
      _ = table.bind(key(number, owner: number % 200), to: first, now: time(number / 100_000))
    }
    #expect(table.count <= 1_000_000)
    #expect(table.count >= 980_000)
    #expect(table.sessionsBySlot == [first: table.count])
    #expect(table.slot(of: key(1_099_999), now: time(11)) == first)
  }

  @Test func pastTheBoundTheLeastRecentlyUsedGoes() {
    let table = table(all: 3)
    for number in 1...3 as ClosedRange<UInt64> { _ = table.bind(key(number), to: first, now: time(number)) }
    _ = table.bind(key(1), to: first, now: time(4))
    _ = table.bind(key(4), to: first, now: time(5))
    #expect(table.slot(of: key(1), now: time(6)) == first)
    #expect(table.slot(of: key(2), now: time(6)) == nil)
    #expect(table.slot(of: key(3), now: time(6)) == first)
  }

  @Test(arguments: [1_000, 1_000_000]) func oneAddressHoldsNoMoreThanItsShare(all: Int) {
    let table = table(all: all, address: 10)
    _ = table.bind(key(9_999, owner: 2), to: second, now: time(0))
    for number in 0..<200 as Range<UInt64> {
      _ = table.bind(key(number, owner: 1), to: first, now: time(number))
      // In use all the time, so it stays.
      _ = table.bind(key(0, owner: 1), to: first, now: time(number))
    }
    #expect(table.count == 11)
    #expect(table.slot(of: key(9_999, owner: 2), now: time(200)) == second)
    #expect(table.slot(of: key(0, owner: 1), now: time(200)) == first)
    for number in 191..<200 as Range<UInt64> { #expect(table.slot(of: key(number), now: time(200)) == first) }
    #expect(table.slot(of: key(190), now: time(200)) == nil)
  }

  @Test func sessionsOfUnknownAddressesAreNotCountedTogether() {
    let table = table(address: 2)
    for number in 0..<50 as Range<UInt64> { _ = table.bind(key(number), to: first, now: time(0)) }
    #expect(table.count == 50)
  }

  @Test func threadsShareTheTable() async {
    let table = table(all: 100_000, address: 40)
    await withTaskGroup(of: Void.self) { group in
      for worker in 0..<4 as Range<UInt64> {
        group.addTask {
          for number in 0..<3_000 as Range<UInt64> {
            let session = key(worker % 2 * 10_000 + number, owner: number % 5)
            _ = table.bind(session, to: number % 2 == 0 ? first : second, now: time(number / 100))
            _ = table.slot(of: session, now: time(number / 100))
          }
        }
      }
    }
    // What concurrent removals left over goes with the next sessions of each address.
    for number in 90_000..<90_100 as Range<UInt64> {
      _ = table.bind(key(number, owner: number % 5), to: first, now: time(31))
    }
    #expect(table.count == 5 * 40)
  }
}
