import EPPCore
import Testing

@testable import EPPKubernetes

@Suite struct PoolJoinTests {
  private func definition(_ app: String, _ ports: [UInt16] = [8000]) -> PoolEndpoints.Definition {
    PoolEndpoints.Definition(selector: LabelSelector(matching: ["app": app]), targetPorts: ports)
  }

  private func pod(_ name: String) -> Pod {
    Pod(metadata: ObjectMetadata(name: name, namespace: "ns"), isReady: true, addresses: ["10.0.0.1"])
  }

  private func names(_ join: PoolJoin) -> [String]? { join.served?.pods.map(\.metadata.name).sorted() }

  /// Returns a join that serves pool `a` with a pod of the same name in generation 1.
  private func serving() -> PoolJoin {
    var join = PoolJoin()
    _ = join.poolChanged(to: definition("a"))
    _ = join.podsChanged(.replaced([pod("a")], unreadable: []), generation: 1)
    return join
  }

  @Test("Nothing is served before the pods have all been told")
  func start() {
    var join = PoolJoin()
    #expect(join.poolChanged(to: nil) == .nothing)
    #expect(
      join.poolChanged(to: definition("a"))
        == .follow(PoolJoin.Wanted(generation: 1, selector: LabelSelector(matching: ["app": "a"]))))
    #expect(join.podsChanged(.upserted(pod("early")), generation: 1) == .nothing)
    #expect(join.served == nil)
    #expect(join.podsChanged(.replaced([pod("x")], unreadable: []), generation: 1) == .publish)
    #expect(names(join) == ["x"])
    #expect(join.podsChanged(.upserted(pod("y")), generation: 1) == .publish)
    #expect(join.podsChanged(.upserted(pod("y")), generation: 1) == .nothing)
    #expect(join.podsChanged(.deleted(pod("x").key), generation: 1) == .publish)
    #expect(names(join) == ["y"])
  }

  @Test("Other ports take effect at once, without a new watch")
  func ports() {
    var join = serving()
    #expect(join.poolChanged(to: definition("a", [8000, 8001])) == .publish)
    #expect(join.served?.definition.targetPorts == [8000, 8001])
    #expect(join.poolChanged(to: definition("a", [8000, 8001])) == .nothing)
    #expect(names(join) == ["a"])
  }

  @Test("With another selector the old pool is served until the new pods have been told")
  func selector() {
    var join = serving()
    #expect(
      join.poolChanged(to: definition("b", [9000]))
        == .follow(PoolJoin.Wanted(generation: 2, selector: LabelSelector(matching: ["app": "b"]))))
    #expect(names(join) == ["a"] && join.served?.definition == definition("a"))
    #expect(join.poolChanged(to: definition("b", [9001])) == .nothing)
    // Changes from the watch of the old pods are ignored.
    #expect(join.podsChanged(.upserted(pod("late")), generation: 1) == .nothing)
    #expect(names(join) == ["a"])
    #expect(join.podsChanged(.replaced([pod("b")], unreadable: []), generation: 2) == .publish)
    #expect(names(join) == ["b"] && join.served?.definition == definition("b", [9001]))
  }

  @Test("A pool that goes has no endpoints, and its watch is not listened to when it comes back")
  func gone() {
    var join = serving()
    #expect(join.poolChanged(to: nil) == .clear)
    #expect(join.served == nil)
    #expect(join.podsChanged(.upserted(pod("late")), generation: 1) == .nothing)
    guard case .follow(let wanted) = join.poolChanged(to: definition("a")) else { return #expect(Bool(false)) }
    #expect(wanted.generation == 2)
    #expect(join.podsChanged(.replaced([pod("late")], unreadable: []), generation: 1) == .nothing)
    #expect(join.served == nil)
  }
}
