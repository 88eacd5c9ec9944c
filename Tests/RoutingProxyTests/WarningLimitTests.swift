import EPPCore
import Testing

@testable import RoutingProxy

@Suite struct WarningLimitTests {
  @Test func oneInASecondIsWritten() {
    var limit = WarningLimit()
    let start = MonotonicTime(nanoseconds: 5)
    #expect(limit.admit(at: start) == 0)
    for milliseconds in [0, 1, 999] { #expect(limit.admit(at: start.advanced(by: .milliseconds(milliseconds))) == nil) }
    #expect(limit.admit(at: start.advanced(by: .seconds(1))) == 3)
    #expect(limit.admit(at: start.advanced(by: .seconds(2))) == 0)
  }
}
