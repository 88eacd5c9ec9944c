import EPPCore
import EPPTestKit
import Testing

@testable import EPPKubernetes

@Suite struct WatchStateMachineTests {
  private typealias Machine = WatchStateMachine<Item>

  private let now = MonotonicTime.milliseconds(1_000_000)

  /// Returns a machine whose watch from version 5 was opened at `now`.
  private func watching(_ configuration: WatchConfiguration = WatchConfiguration()) -> Machine {
    var machine = Machine(configuration, seed: 1)
    _ = machine.start(now: now)
    _ = machine.listed(ResourcePage(resourceVersion: "5", items: []), now: now)
    machine.opened(now: now)
    return machine
  }

  private static func version(_ step: Machine.Step) -> String? {
    if case .watch(let request) = step { request.version } else { nil }
  }

  private static func delay(_ reaction: Machine.Reaction, since now: MonotonicTime) -> Duration? {
    if case .wait(let until) = reaction.step { until.duration(since: now) } else { nil }
  }

  @Test("Nothing is told before the last page, then all objects at once")
  func pages() {
    var machine = Machine(seed: 1)
    let first = Machine.ListRequest(continuation: nil, limit: 500)
    #expect(machine.start(now: now) == Machine.Reaction(step: .list(first)))
    let next = machine.listed(ResourcePage(resourceVersion: "5", continuation: "more", items: [Item("a")]), now: now)
    #expect(next == Machine.Reaction(step: .list(Machine.ListRequest(continuation: "more", limit: 500))))
    #expect(machine.availability == .starting)
    let last = machine.listed(
      ResourcePage(
        resourceVersion: "5", items: [Item("b")],
        unreadable: [UnreadableObject(metadata: Item("c").metadata, problem: "")]), now: now)
    #expect(
      last.change == .replaced([Item("a"), Item("b")], unreadable: [ObjectKey(namespace: "ns", name: "c")]))
    #expect(Self.version(last.step) == "5")
    machine.opened(now: now)
    #expect(machine.availability == .available)
  }

  @Test("A page that has failed is asked for again, with the pages before it kept")
  func pageRetried() {
    var machine = Machine(seed: 1)
    _ = machine.start(now: now)
    _ = machine.listed(ResourcePage(resourceVersion: "5", continuation: "more", items: [Item("a")]), now: now)
    let failed = machine.failed(.unreachable, now: now)
    guard case .wait(let until) = failed.step else { return #expect(Bool(false), "\(failed)") }
    #expect(machine.timePassed(now: now).step == failed.step)
    let again = machine.timePassed(now: until)
    #expect(again.step == .list(Machine.ListRequest(continuation: "more", limit: 500)))
    let last = machine.listed(ResourcePage(resourceVersion: "5", items: [Item("b")]), now: until)
    #expect(last.change == .replaced([Item("a"), Item("b")], unreadable: []))
  }

  @Test("A list whose version expires between two pages is made again without pages")
  func expiredPages() {
    var machine = Machine(seed: 1)
    _ = machine.start(now: now)
    _ = machine.listed(ResourcePage(resourceVersion: "5", continuation: "more", items: [Item("a")]), now: now)
    guard case .wait(let until) = machine.failed(.expired, now: now).step else { return #expect(Bool(false)) }
    let again = machine.timePassed(now: until)
    #expect(again.step == .list(Machine.ListRequest(continuation: nil, limit: nil)))
    let last = machine.listed(ResourcePage(resourceVersion: "7", items: [Item("b")]), now: until)
    #expect(last.change == .replaced([Item("b")], unreadable: []))
  }

  @Test("Each watch goes on from the last version, whether an object, a deletion or a bookmark told it")
  func versions() {
    var machine = watching()
    #expect(machine.received(.upserted(Item("a", version: "8")), now: now) == .goOn(.upserted(Item("a", version: "8"))))
    #expect(Self.version(machine.ended(now: now).step) == "8")
    #expect(
      machine.received(.deleted(Item("a", version: "9")), now: now)
        == .goOn(.deleted(ObjectKey(namespace: "ns", name: "a"))))
    #expect(Self.version(machine.ended(now: now).step) == "9")
    #expect(machine.received(.bookmark(version: "12"), now: now) == .goOn(nil))
    let unreadable = UnreadableObject(metadata: Item("b", version: "13").metadata, problem: "")
    #expect(machine.received(.unreadable(unreadable, isDeleted: false), now: now) == .goOn(nil))
    #expect(Self.version(machine.ended(now: now).step) == "13")
  }

  @Test("An expired version makes a new list: at once after a long watch, else after a delay")
  func expiredWatch() {
    let list = Machine.Step.list(Machine.ListRequest(continuation: nil, limit: 500))
    var machine = watching()
    let later = now.advanced(by: .seconds(6))
    let gone = WatchEvent<Item>.error(KubernetesStatus(code: 410, reason: "Expired"))
    #expect(machine.received(gone, now: later) == .leave(Machine.Reaction(step: list)))
    #expect(machine.availability == .available)
    machine = watching()
    guard case .leave(let reaction) = machine.received(gone, now: now), case .wait(let until) = reaction.step else {
      return #expect(Bool(false))
    }
    #expect(machine.timePassed(now: until).step == list)
  }

  @Test("A refused token is read again: the first time at once, then with delays")
  func unauthorized() {
    var machine = watching()
    let first = machine.failed(.unauthorized, now: now)
    #expect(Self.version(first.step) == "5")
    let second = machine.failed(.unauthorized, now: now)
    #expect(Self.delay(second, since: now) != nil)
    #expect(machine.availability == .failing(.unauthorized))
  }

  @Test("A missing resource is listed again after the access delay; a forbidden watch goes on from its version")
  func accessDelay() {
    for (failure, resumes) in [(WatchFailure.missing, nil), (.forbidden, "5")] {
      var machine = watching()
      for _ in 0..<3 {
        let reaction = machine.failed(failure, now: now)
        guard case .wait(let until) = reaction.step else { return #expect(Bool(false)) }
        let delay = until.duration(since: now)
        #expect(delay > .seconds(4) && delay <= .seconds(10))
        let next = machine.timePassed(now: until)
        #expect(Self.version(next.step) == resumes)
        if resumes == nil { #expect(next.step == .list(Machine.ListRequest(continuation: nil, limit: 500))) }
      }
      #expect(machine.availability == .failing(failure))
    }
  }

  @Test("Delays grow to their longest, and an event ends the row of failures")
  func delays() {
    var configuration = WatchConfiguration()
    configuration.jitter = 0
    var machine = watching(configuration)
    var delays: [Duration] = []
    for _ in 0..<9 {
      let reaction = machine.failed(.unreachable, now: now)
      guard let delay = Self.delay(reaction, since: now) else { return #expect(Bool(false)) }
      delays.append(delay)
      #expect(Self.version(machine.timePassed(now: now.advanced(by: delay)).step) == "5")
    }
    #expect(delays.first == .milliseconds(250) && delays[1] == .milliseconds(500) && delays.last == .seconds(5))
    _ = machine.received(.bookmark(version: "6"), now: now)
    #expect(machine.availability == .available)
    #expect(Self.delay(machine.failed(.unreachable, now: now), since: now) == .milliseconds(250))
  }

  @Test("A watch that lasted before its connection broke ends the row of failures, unless it was silent")
  func lastingWatch() {
    var configuration = WatchConfiguration()
    configuration.jitter = 0
    for (failure, delay) in [(WatchFailure.unreachable, Duration.milliseconds(250)), (.silent, .seconds(1))] {
      var machine = watching(configuration)
      var time = now
      for _ in 0..<2 {
        guard case .wait(let until) = machine.failed(.unreachable, now: time).step else { return #expect(Bool(false)) }
        time = until
        _ = machine.timePassed(now: time)
      }
      machine.opened(now: time)
      time = time.advanced(by: .seconds(6))
      #expect(Self.delay(machine.failed(failure, now: time), since: time) == delay)
    }
  }

  @Test("A watch that is never answered has not lasted, however long the request took: delays grow")
  func unansweredWatch() {
    var configuration = WatchConfiguration()
    configuration.jitter = 0
    var machine = watching(configuration)
    var (time, delays) = (now, [Duration]())
    for _ in 0..<6 {
      guard case .wait(let until) = machine.failed(.unreachable, now: time).step else { return #expect(Bool(false)) }
      delays.append(until.duration(since: time))
      _ = machine.timePassed(now: until)
      time = until.advanced(by: .seconds(30))
    }
    #expect(delays.first == .milliseconds(250) && delays.last == .seconds(5))
  }

  @Test("Watches that are opened and closed at once do not count as available, until one lasts or brings an event")
  func flappingWatch() {
    for brings in [true, false] {
      var machine = watching()
      var time = now
      for number in 1...4 {
        guard case .wait(let until) = machine.ended(now: time).step else { return #expect(Bool(false)) }
        #expect(machine.availability == .failing(.unreachable))
        _ = machine.timePassed(now: until)
        machine.opened(now: until)
        time = until.advanced(by: .seconds(1))
        #expect(machine.availability == (number < 2 ? .available : .failing(.unreachable)))
      }
      if brings {
        _ = machine.received(.bookmark(version: "6"), now: time)
      } else {
        _ = machine.ended(now: time.advanced(by: .seconds(60)))
      }
      #expect(machine.availability == .available)
    }
  }

  @Test("The answer to a watch shows that it is permitted, after any number of watches that were closed at once")
  func permittedWatch() {
    for failure in [WatchFailure.forbidden, .unauthorized, .busy(seconds: 1)] {
      var machine = watching()
      var time = now
      for _ in 0..<4 {
        guard case .wait(let until) = machine.ended(now: time).step else { return #expect(Bool(false)) }
        _ = machine.timePassed(now: until)
        machine.opened(now: until)
        time = until.advanced(by: .seconds(1))
      }
      guard case .wait(let until) = machine.failed(failure, now: time).step else { return #expect(Bool(false)) }
      #expect(machine.availability == .failing(failure))
      _ = machine.timePassed(now: until)
      machine.opened(now: until)
      #expect(machine.availability == .available)
    }
  }

  @Test("A busy server is left alone for as long as it asks, up to the longest delay")
  func busy() {
    var machine = watching()
    #expect(Self.delay(machine.failed(.busy(seconds: 3), now: now), since: now) == .seconds(3))
    machine = watching()
    #expect(Self.delay(machine.failed(.busy(seconds: 4000), now: now), since: now) == .seconds(5))
  }

  @Test("A watch that ends at once without a word has failed; one that has lasted has not")
  func shortWatch() {
    var machine = watching()
    #expect(Self.delay(machine.ended(now: now.advanced(by: .seconds(1))), since: now) != nil)
    machine = watching()
    #expect(Self.version(machine.ended(now: now.advanced(by: .seconds(60))).step) == "5")
  }

  @Test("Watches that stay silent, or a server that is behind, lead to a new list after three attempts")
  func silence() {
    for failure in [WatchFailure.silent, .behind] {
      var machine = watching()
      var steps: [Machine.Step] = []
      for _ in 0..<3 {
        guard case .wait(let until) = machine.failed(failure, now: now).step else { return #expect(Bool(false)) }
        steps.append(machine.timePassed(now: until).step)
      }
      #expect(steps.prefix(2).allSatisfy { Self.version($0) == "5" })
      #expect(steps.last == .list(Machine.ListRequest(continuation: nil, limit: 500)))
    }
  }

  @Test("The last contact is the time of the last good answer")
  func contact() {
    var machine = Machine(seed: 1)
    _ = machine.start(now: now)
    _ = machine.failed(.unreachable, now: now)
    #expect(machine.lastContact == nil)
    machine = watching()
    let later = now.advanced(by: .seconds(3))
    _ = machine.received(.bookmark(version: "6"), now: later)
    _ = machine.failed(.forbidden, now: later.advanced(by: .seconds(1)))
    #expect(machine.lastContact == later)
  }

  @Test("Statuses are told apart by code, reason and cause")
  func statuses() {
    #expect(WatchFailure(KubernetesStatus(code: 410, reason: "Expired")) == .expired)
    #expect(WatchFailure(KubernetesStatus(code: 500, reason: "Expired")) == .expired)
    #expect(WatchFailure(KubernetesStatus(code: 404, reason: "NotFound")) == .missing)
    #expect(WatchFailure(KubernetesStatus(code: 403, reason: "Forbidden")) == .forbidden)
    #expect(WatchFailure(KubernetesStatus(code: 401)) == .unauthorized)
    #expect(WatchFailure(KubernetesStatus(code: 429, retryAfterSeconds: 3)) == .busy(seconds: 3))
    #expect(WatchFailure(KubernetesStatus(code: 504, causes: ["ResourceVersionTooLarge"])) == .behind)
    #expect(
      WatchFailure(KubernetesStatus(code: 504, message: "Timeout: Too large resource version: 9, current: 4"))
        == .behind)
    #expect(WatchFailure(KubernetesStatus(code: 503)) == .unreachable)
  }
}
