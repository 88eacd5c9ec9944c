import EPPCore
import EPPPrefixCache
import EPPScheduling
import Testing

@testable import epp_bench

@Suite struct ScheduleSubjectTests {
  @Test func everyScorerFilterAndPickerIsMeasuredAlone() {
    let names = Set(ScheduleSubject.all.map { "\($0.kind.rawValue) \($0.name)" })
    for role in [PluginRole.scorer, .filter, .picker] {
      for type in PluginList.standard.types(role) { #expect(names.contains("\(role.rawValue) \(type)")) }
    }
    #expect(names.count == ScheduleSubject.all.count)
  }

  @Test func everyBaseIsMeasuredBeforeWhatIsComparedWithIt() {
    let all = ScheduleSubject.all
    for (index, subject) in all.enumerated() {
      guard let base = subject.base else { continue }
      #expect(all[..<index].contains { $0.name == base && $0.kind == .base })
    }
  }

  @Test func oneProfileHasAllScorers() throws {
    let subject = try #require(ScheduleSubject.all.first { $0.name == ScheduleSubject.allScorers })
    #expect(
      subject.configuration.profile.scorers.map(\.plugin.descriptor.type) == PluginList.standard.types(.scorer))
    #expect(subject.configuration.profile.scorers.allSatisfy { $0.weight == 1 })
  }

  @Test func pluginsHaveTheArgumentsThatTheyNeed() {
    for role in [PluginRole.scorer, .filter, .picker] {
      for type in PluginList.standard.types(role) {
        guard let descriptor = PluginList.standard[type] else { continue }
        let plugin = SchedulePool.plugin(descriptor)
        var check = PluginCheck(plugin.arguments, of: type)
        descriptor.check(&check)
        #expect(check.problems == [], "\(type)")
      }
    }
  }

  @Test(arguments: [2, 40]) func everySubjectDecides(endpoints: Int) throws {
    let measurement = ScheduleMeasurement(pool: SchedulePool(endpoints: endpoints), decisions: 10)
    for subject in ScheduleSubject.all {
      let row = try measurement.run(subject)
      #expect(row.endpoints == endpoints)
      #expect(row.p50 <= row.p99)
      #expect((row.allocations == nil) != AllocationCount.isCounted)
    }
  }

  @Test func endpointsDiffer() {
    let pool = SchedulePool(endpoints: 64)
    let members = pool.snapshot.members
    #expect(Set(members.map(\.destination)).count == 64)
    #expect(Set(members.map(\.metrics.waitingRequests)).count > 2)
    let adapter = LoRAState.Adapter(pool.request.targetModel)
    #expect(members.contains { $0.metrics.loRA.running.contains(adapter) })
    #expect(members.contains { !$0.metrics.loRA.running.contains(adapter) })
    let warm = pool.matches(isCold: false)
    #expect(Set(members.map { warm.matchedTokens($0.endpoint.slot) }) == [0, 512, 2048])
    let cold = pool.matches(isCold: true)
    #expect(members.allSatisfy { cold.matchedTokens($0.endpoint.slot) == 0 })
  }
}
