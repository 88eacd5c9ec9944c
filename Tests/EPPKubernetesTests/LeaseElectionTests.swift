import EPPCore
import EPPTestKit
import FoundationEssentials
import Testing

@testable import EPPKubernetes

@Suite struct LeaseElectionTests {
  private let now = MonotonicTime.milliseconds(1_000_000)
  private let key = ObjectKey(namespace: "ns", name: "lease")

  private func election(_ identity: String = "a") -> LeaseElection {
    LeaseElection(LeaseElection.Configuration(identity: identity, key: key))
  }

  private func lease(_ holder: String?, version: String = "5", seconds: Int? = 10) -> Lease {
    Lease(
      metadata: ObjectMetadata(name: "lease", namespace: "ns", resourceVersion: version),
      spec: Lease.Spec(holderIdentity: holder, leaseDurationSeconds: seconds, leaseTransitions: 3))
  }

  /// An election that has led since `now`, by version 6.
  private func leader() -> LeaseElection {
    var election = election()
    _ = election.begin(now: now, timestamp: "t")
    _ = election.answered(.found(lease(nil)), now: now)
    _ = election.answered(.written(lease("a", version: "6")), now: now)
    return election
  }

  private func update(_ step: LeaseElection.Step) -> Lease? { if case .update(let lease) = step { lease } else { nil } }

  @Test func aLeaseThatIsMissingIsCreated() {
    var election = election()
    #expect(election.begin(now: now, timestamp: "t") == .get)
    guard case .create(let created) = election.answered(.missing, now: now) else { return #expect(Bool(false)) }
    #expect(created.metadata == ObjectMetadata(name: "lease", namespace: "ns"))
    #expect(
      created.spec
        == Lease.Spec(
          holderIdentity: "a", leaseDurationSeconds: 10, acquireTime: "t", renewTime: "t", leaseTransitions: 0))
    let later = now.advanced(by: .milliseconds(300))
    #expect(election.answered(.written(lease("a")), now: later) == .wait(until: now.advanced(by: .seconds(1))))
    #expect(election.isLeader(now: later) && election.holder == "a")
  }

  @Test func leadershipCountsFromTheBeginOfTheWrite() {
    var election = election()
    _ = election.begin(now: now, timestamp: "t")
    let write = now.advanced(by: .seconds(2))
    #expect(update(election.answered(.found(lease("")), now: write))?.spec.leaseTransitions == 4)
    let answer = write.advanced(by: .seconds(3))
    _ = election.answered(.written(lease("a", version: "6")), now: answer)
    #expect(election.isLeader(now: write.advanced(by: .milliseconds(6_999))))
    #expect(!election.isLeader(now: write.advanced(by: .seconds(7))))
  }

  @Test func aRenewalKeepsTheRestOfTheRecord() {
    var election = election()
    _ = election.begin(now: now, timestamp: "t")
    var held = lease("a")
    held.metadata.labels = ["team": "x"]
    held.spec.acquireTime = "before"
    let renewed = update(election.answered(.found(held), now: now))
    #expect(renewed?.metadata == held.metadata && renewed?.spec.acquireTime == "before")
    #expect(renewed?.spec.renewTime == "t" && renewed?.spec.leaseTransitions == 3)
  }

  @Test func aLeaseOfAnotherIsTakenWhenItHasNotChangedForItsDuration() {
    var election = election()
    var time = now
    for version in ["5", "6", "6", "6"] {
      #expect(election.begin(now: time, timestamp: "t") == .get)
      #expect(
        election.answered(.found(lease("b", version: version, seconds: 4)), now: time)
          == .wait(until: time.advanced(by: .seconds(1))))
      #expect(!election.isLeader(now: time) && election.holder == "b")
      time = time.advanced(by: .seconds(1))
    }
    // Version 6 was first seen three seconds ago.
    _ = election.begin(now: time, timestamp: "t")
    #expect(update(election.answered(.found(lease("b", version: "6", seconds: 4)), now: time)) == nil)
    time = time.advanced(by: .seconds(1))
    _ = election.begin(now: time, timestamp: "u")
    let taken = update(election.answered(.found(lease("b", version: "6", seconds: 4)), now: time))
    #expect(taken?.metadata.resourceVersion == "6" && taken?.spec.holderIdentity == "a")
    #expect(taken?.spec.leaseTransitions == 4 && taken?.spec.acquireTime == "u")
    // Another process was faster.
    #expect(election.answered(.conflict, now: time) == .get)
    #expect(update(election.answered(.found(lease("c", version: "7")), now: time)) == nil)
    #expect(!election.isLeader(now: time))
  }

  @Test func aLeaseThatAnotherHeldAndSomebodyDeletedIsFreeWhenItsTimeIsUp() {
    var election = election()
    _ = election.begin(now: now, timestamp: "t")
    _ = election.answered(.found(lease("b")), now: now)
    let early = now.advanced(by: .seconds(9))
    _ = election.begin(now: early, timestamp: "t")
    #expect(election.answered(.missing, now: early) == .wait(until: early.advanced(by: .seconds(1))))
    let late = now.advanced(by: .seconds(10))
    _ = election.begin(now: late, timestamp: "t")
    guard case .create = election.answered(.missing, now: late) else { return #expect(Bool(false)) }
  }

  @Test func aWriteThatFailedMakesNoLeaderUntilTheLeaseIsRead() {
    var election = election()
    _ = election.begin(now: now, timestamp: "t")
    _ = election.answered(.found(lease(nil)), now: now)
    #expect(election.answered(.failed, now: now) == .wait(until: now.advanced(by: .seconds(1))))
    #expect(!election.isLeader(now: now))
    _ = election.begin(now: now, timestamp: "t")
    // It was performed after all.
    #expect(update(election.answered(.found(lease("a", version: "6")), now: now)) != nil)
    #expect(!election.isLeader(now: now))
    _ = election.answered(.written(lease("a", version: "7")), now: now)
    #expect(election.isLeader(now: now))
  }

  @Test func aLeaderThatSeesAnotherHolderHasLost() {
    var election = leader()
    #expect(update(election.begin(now: now, timestamp: "t"))?.metadata.resourceVersion == "6")
    #expect(election.answered(.conflict, now: now) == .get)
    #expect(election.isLeader(now: now))
    _ = election.answered(.found(lease("b", version: "7")), now: now)
    #expect(!election.isLeader(now: now) && election.leadsUntil == nil)
  }

  @Test func theLeaseIsGivenUpWhateverWasUnderWay() {
    var election = leader()
    _ = election.begin(now: now, timestamp: "t")
    // Of the renewal under way nothing is known.
    let released = update(election.release(now: now, timestamp: "u"))
    #expect(!election.isLeader(now: now))
    #expect(released?.spec.holderIdentity == "" && released?.spec.leaseDurationSeconds == 1)
    #expect(election.answered(.conflict, now: now) == .get)
    let again = update(election.answered(.found(lease("a", version: "7")), now: now))
    #expect(again?.metadata.resourceVersion == "7" && again?.spec.holderIdentity == "")
    #expect(election.answered(.written(lease("", version: "8")), now: now) == .finish)

    for answer in [LeaseElection.Answer.found(lease("b")), .missing, .failed] {
      var standby = self.election()
      _ = standby.begin(now: now, timestamp: "t")
      #expect(standby.release(now: now, timestamp: "t") == .get)
      #expect(standby.answered(answer, now: now) == .finish)
    }
  }

  @Test func leasesAreReadAndWrittenAsTheAPIHasThem() throws {
    let text = #"""
      {"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"l","namespace":"ns","resourceVersion":"9",
       "labels":{"a":"b"},"uid":"x"},"spec":{"holderIdentity":"pod_1","leaseDurationSeconds":15,"leaseTransitions":2,
       "acquireTime":"2026-11-30T10:00:00.000000Z","renewTime":"2026-11-30T10:00:05.123456Z"}}
      """#
    let lease = try JSONDecoder().decode(Lease.self, from: Data(text.utf8))
    #expect(lease.holder == "pod_1" && lease.spec.renewTime == "2026-11-30T10:00:05.123456Z")
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let written = String(decoding: try encoder.encode(lease), as: UTF8.self)
    #expect(
      written == #"{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"labels":{"a":"b"},"name":"l","#
        + #""namespace":"ns","resourceVersion":"9"},"spec":{"acquireTime":"2026-11-30T10:00:00.000000Z","#
        + #""holderIdentity":"pod_1","leaseDurationSeconds":15,"leaseTransitions":2,"#
        + #""renewTime":"2026-11-30T10:00:05.123456Z"}}"#)
    let empty = try JSONDecoder().decode(Lease.self, from: Data(#"{"metadata":{"name":"l"}}"#.utf8))
    #expect(empty.holder == nil)
  }
}
