import EPPCore
import EPPDataLayer
import EPPTestKit
import Testing

@Suite struct ScrapeStateMachineTests {
  private typealias Machine = ScrapeStateMachine

  private func machine(interval: Duration = .milliseconds(50), phase: Double = 0) -> Machine {
    Machine(configuration: .init(interval: interval), phase: phase, start: .milliseconds(1000))
  }

  /// A machine with an idle connection, at 1001 ms.
  private func idleMachine() -> Machine {
    var machine = machine()
    _ = machine.tick(.milliseconds(1000))
    _ = machine.connected(.milliseconds(1001))
    _ = machine.answered(.milliseconds(1001), isGood: true, isReusable: true)
    return machine
  }

  @Test func connectsAtOnceAndScrapesWhenConnected() {
    var machine = machine()
    #expect(machine.nextTick == .milliseconds(1000))
    #expect(machine.tick(.milliseconds(1000)) == .connect)
    #expect(!machine.isWaiting)
    #expect(machine.connected(.milliseconds(1001)) == .send)
    #expect(machine.isWaiting)
    #expect(machine.received() == true)
    #expect(machine.answered(.milliseconds(1003), isGood: true, isReusable: true) == false)
    #expect(machine.nextTick == .milliseconds(1050))
    #expect(machine.tick(.milliseconds(1050)) == .send)
  }

  @Test func keepsToItsTurnsHoweverLateTheTicksAre() {
    for (phase, turn) in [(0.0, UInt64(0)), (0.3, 0), (0.5, 25), (0.9, 25)] {
      var machine = machine(phase: phase)
      _ = machine.tick(.milliseconds(1007))
      _ = machine.connected(.milliseconds(1007))
      _ = machine.answered(.milliseconds(1008), isGood: true, isReusable: true)
      for late in [UInt64(3), 17, 49, 261, 0] {
        let due = machine.nextTick?.nanoseconds ?? 0
        #expect(due % 50_000_000 == turn * 1_000_000)
        #expect(machine.tick(MonotonicTime(nanoseconds: due + late * 1_000_000)) == .send)
        _ = machine.answered(MonotonicTime(nanoseconds: due + late * 1_000_000), isGood: true, isReusable: true)
        #expect((machine.nextTick?.nanoseconds ?? 0) > due + late * 1_000_000)
      }
    }
  }

  @Test func ticksThatComeTooEarlyDoNothing() {
    var machine = idleMachine()
    #expect(machine.tick(.milliseconds(1040)) == .none)
    #expect(machine.tick(.milliseconds(1050)) == .send)
    #expect(machine.tick(.milliseconds(1050)) == .none)
  }

  @Test func neverTwoScrapesAtOnce() {
    var machine = idleMachine()
    #expect(machine.tick(.milliseconds(1050)) == .send)
    for time in stride(from: UInt64(1100), to: 2050, by: 50) { #expect(machine.tick(.milliseconds(time)) == .none) }
    #expect(machine.tick(.milliseconds(2050)) == .timeOut)
  }

  @Test func timesOutWhileConnectingAndWhileWaiting() {
    var machine = machine(interval: .seconds(10))
    #expect(machine.tick(.milliseconds(1000)) == .connect)
    #expect(machine.nextTick == .milliseconds(2000))
    #expect(machine.tick(.milliseconds(2000)) == .timeOut)
    #expect(machine.connectFailed(.milliseconds(2001)) == false)
    #expect(machine.connected(.milliseconds(2002)) == .close)
  }

  @Test func pausesDoubleUpToTheLongest() {
    var machine = machine()
    var now = MonotonicTime.milliseconds(1000)
    var pauses: [UInt64] = []
    for _ in 0..<10 {
      #expect(machine.tick(now) == .connect)
      #expect(machine.connectFailed(now) == true)
      let next = machine.nextTick ?? now
      pauses.append((next.nanoseconds - now.nanoseconds) / 1_000_000)
      now = next
    }
    #expect(pauses.dropFirst() == [100, 200, 400, 800, 1600, 3200, 5000, 5000, 5000])
    _ = machine.tick(now)
    _ = machine.connected(now)
    _ = machine.answered(now, isGood: true, isReusable: true)
    _ = machine.tick(machine.nextTick ?? now)
    _ = machine.closed(now)
    #expect((machine.nextTick?.nanoseconds ?? .max) - now.nanoseconds <= 100_000_000)
  }

  @Test func aBadAnswerKeepsTheConnectionAndPauses() {
    var machine = machine()
    _ = machine.tick(.milliseconds(1000))
    _ = machine.connected(.milliseconds(1000))
    #expect(machine.answered(.milliseconds(1000), isGood: false, isReusable: true) == false)
    #expect(machine.tick(.milliseconds(1040)) == .none)
    #expect(machine.tick(.milliseconds(1050)) == .send)
    #expect(machine.answered(.milliseconds(1050), isGood: false, isReusable: true) == false)
    #expect(machine.nextTick == .milliseconds(1150))
  }

  @Test func closingAnIdleConnectionIsNoFailure() {
    var machine = idleMachine()
    #expect(machine.closed(.milliseconds(1020)) == .none)
    #expect(machine.tick(.milliseconds(1050)) == .connect)
  }

  @Test func aReusedConnectionThatClosesBeforeItsAnswerIsMadeAnewOnce() {
    var machine = idleMachine()
    #expect(machine.tick(.milliseconds(1050)) == .send)
    #expect(machine.closed(.milliseconds(1051)) == .connect)
    #expect(machine.connected(.milliseconds(1052)) == .send)
    #expect(machine.closed(.milliseconds(1053)) == .fail)
  }

  @Test func closingInTheMiddleOfAnAnswerIsAFailure() {
    var machine = idleMachine()
    _ = machine.tick(.milliseconds(1050))
    #expect(machine.received() == true)
    #expect(machine.closed(.milliseconds(1051)) == .fail)
  }

  @Test func bytesOutOfTurnAreRefused() {
    var machine = idleMachine()
    #expect(machine.received() == false)
    #expect(machine.answered(.milliseconds(1010), isGood: true, isReusable: true) == true)
  }

  @Test func nothingHappensAfterTheStop() {
    var machine = idleMachine()
    machine.stop()
    #expect(machine.nextTick == nil)
    #expect(machine.tick(.milliseconds(1050)) == .none)
    #expect(machine.connected(.milliseconds(1051)) == .close)
    #expect(machine.closed(.milliseconds(1052)) == .none)
  }
}
