import ArgumentParser
import Testing

@testable import epp_bench

@Suite struct ConverseExpectationsTests {
  @Test func aGainNeedsSomethingToCompareWith() {
    #expect(throws: (any Error).self) { try ConverseExpectations.parse(["--minimum-gain", "1.5"]) }
  }

  @Test(arguments: [(2.0, 0, "2"), (0.125, 2, "0.13"), (-1.5, 1, "-1.5"), (0.04, 1, "0.0")])
  func decimalsAreFixed(_ value: Double, _ count: Int, _ text: String) { #expect(value.decimals(count) == text) }

  @Test func tablesAlignTheirColumns() {
    var table = TextTable(header: ["", "a", "bb"])
    table.add("x", "100", "2")
    #expect(table.text == "     a  bb\nx  100   2")
  }
}
