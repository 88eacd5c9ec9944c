import EPPCore
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct SubsetFilterTests {
  private func names(_ subset: SubsetHint) -> [String] {
    let scheduling = Scheduling(["a", "b", "c"].map { Candidate(name: $0) })
    scheduling.context.subset = subset
    return scheduling.candidates()
  }

  @Test func withoutAHintAllStay() { #expect(names(.absent) == ["a", "b", "c"]) }

  @Test func addressAndPortMustBothMatch() {
    #expect(names(.only(["10.0.0.1:8000"])) == ["b"])
    #expect(names(.only(["10.0.0.1:8001"])) == [])
    #expect(names(.only(["10.0.0.1:80"])) == [])
  }

  @Test func anAddressWithoutAPortMeansAllOfItsPorts() {
    #expect(names(.only(["10.0.0.1"])) == ["b"])
    #expect(names(.only(["10.0.0.9", "10.0.0."])) == [])
  }

  @Test func unknownAndRepeatedEntriesAreIgnored() {
    #expect(names(.only(["9.9.9.9:1", "10.0.0.2:8000", "10.0.0.0:8000", "10.0.0.2:8000", ""])) == ["a", "c"])
  }

  @Test func anEmptyHintLeavesNone() {
    #expect(names(.only([])) == [])
    let scheduling = Scheduling([Candidate(name: "a")])
    scheduling.context.subset = .only([])
    #expect(scheduling.decide(Scheduler(.weighted, seed: Scheduling.seed)) == nil)
  }
}
