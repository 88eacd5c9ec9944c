import EPPCore
import EPPTestKit
import Testing

@testable import EPPKubernetes

/// The state machine with a model of an API server, in virtual time, with random faults from a seed.
@Suite struct WatchPropertyTests {
  private typealias Machine = WatchStateMachine<Item>

  /// Objects that always exist; the cache must never lose them.
  private static let permanent = (0..<3).map { "permanent-\($0)" }

  private struct Run {
    var random: SeededGenerator
    var server = ModelServer()
    var machine: Machine
    var cache = ResourceCache<Item>()
    var now = MonotonicTime.milliseconds(1_000_000)
    var hasFaults = true
    /// Failures that were passed to the machine.
    var faults: Set<WatchFailure> = []

    init(seed: UInt64) {
      random = SeededGenerator(seed: seed)
      var configuration = WatchConfiguration()
      configuration.pageSize = 3
      machine = Machine(configuration, seed: seed)
      for name in WatchPropertyTests.permanent { server.put(name, value: 0) }
    }

    mutating func change() {
      for _ in 0..<Int.random(in: 0...4, using: &random) {
        let name = "item-\(Int.random(in: 0..<12, using: &random))"
        if Bool.random(using: &random) {
          server.put(name, value: .random(in: 0..<100, using: &random))
        } else {
          server.delete(name)
        }
      }
      if Int.random(in: 0..<12, using: &random) == 0 {
        server.put(
          WatchPropertyTests.permanent.randomElement(using: &random) ?? "", value: .random(in: 0..<100, using: &random))
      }
      if Int.random(in: 0..<6, using: &random) == 0 { server.compact() }
    }

    mutating func fault() -> WatchFailure? {
      guard hasFaults, Int.random(in: 0..<3, using: &random) == 0 else { return nil }
      return [
        .behind, .missing, .forbidden, .unauthorized, .busy(seconds: 2), .unreachable, .unreadable, .silent, .expired,
      ].randomElement(using: &random)
    }

    mutating func fail(_ failure: WatchFailure) -> Machine.Reaction {
      faults.insert(failure)
      return machine.failed(failure, now: now)
    }

    mutating func perform(_ step: Machine.Step) -> Machine.Reaction {
      now = now.advanced(by: .milliseconds(.random(in: 1...400, using: &random)))
      if hasFaults { change() }
      switch step {
      case .wait(let until):
        #expect(until > now.advanced(by: .seconds(-1)) && until <= now.advanced(by: .seconds(11)))
        now = max(now, until)
        return machine.timePassed(now: now)
      case .list(let request):
        if let failure = fault() { return fail(failure) }
        guard let page = server.page(request) else { return fail(.expired) }
        return machine.listed(page, now: now)
      case .watch(let request): return watch(request)
      }
    }

    mutating func watch(_ request: Machine.WatchRequest) -> Machine.Reaction {
      if let failure = fault() { return fail(failure) }
      guard server.changes(after: request.version) != nil else { return fail(.expired) }
      machine.opened(now: now)
      var sentVersion = request.version
      let end = now.advanced(by: .seconds(request.seconds))
      while now < end {
        now = now.advanced(by: .milliseconds(.random(in: 1...9000, using: &random)))
        guard let changes = server.changes(after: sentVersion) else {
          // A compaction has removed changes that the watch still needs.
          guard case .leave(let reaction) = machine.received(.error(KubernetesStatus(code: 410)), now: now) else {
            Issue.record("an error event does not end the watch")
            return machine.failed(.expired, now: now)
          }
          return reaction
        }
        for event in changes {
          if let failure = fault() { return fail(failure) }
          switch event {
          case .upserted(let item), .deleted(let item): sentVersion = item.metadata.resourceVersion
          default: break
          }
          guard case .goOn(let change) = machine.received(event, now: now) else {
            Issue.record("a good event ends the watch")
            return machine.ended(now: now)
          }
          if let change { apply(change) }
        }
        if Bool.random(using: &random) {
          _ = machine.received(.bookmark(version: String(server.version)), now: now)
          sentVersion = String(server.version)
        }
        if hasFaults { change() }
      }
      return machine.ended(now: now)
    }

    mutating func apply(_ change: ResourceChange<Item>) {
      cache.apply(change)
      for name in WatchPropertyTests.permanent where cache.isComplete {
        #expect(cache.objects[ObjectKey(namespace: "ns", name: name)] != nil, "\(name) was dropped")
      }
    }
  }

  @Test(
    "Whatever fails and in whatever order, the final cache is the server's, and what stays is never lost",
    arguments: 0..<300)
  func converges(seed: UInt64) {
    var run = Run(seed: seed)
    var reaction = run.machine.start(now: run.now)
    for _ in 0..<200 {
      if let change = reaction.change { run.apply(change) }
      reaction = run.perform(reaction.step)
    }
    run.hasFaults = false
    let healed = run.now
    var steps = 0
    while !(run.machine.availability == .available && run.cache.isComplete
      && run.cache.objects == run.server.objects)
    {
      if let change = reaction.change { run.apply(change) }
      reaction = run.perform(reaction.step)
      steps += 1
      guard steps < 40 else { break }
    }
    #expect(run.cache.objects == run.server.objects)
    #expect(run.machine.availability == .available)
    // The longest delay (10 s) and a watch that was opened before the last fault (90 s), with 20 s to spare.
    #expect(run.now.duration(since: healed) < .seconds(10 + 90 + 20))
    #expect(run.faults.count >= 8)
  }
}
