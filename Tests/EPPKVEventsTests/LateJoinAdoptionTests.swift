import EPPCore
import EPPKVEvents
import EPPPrefixCache
import Synchronization
import Testing

/// What a stream does with whatever learns an engine's earlier blocks, and without it.
@Suite struct LateJoinAdoptionTests {
  /// What was asked of an adoption, in order.
  private final class Calls: Sendable {
    private let calls = Mutex<[String]>([])
    /// Whether the adoption is to stop asking for prompts.
    let isDone = Atomic(false)

    func note(_ call: String) { calls.withLock { if $0.last != call { $0.append(call) } } }
    var all: [String] { calls.withLock { $0 } }
  }

  /// Wants prompts from the first batch on.
  private final class RecordingAdoption: LateJoinAdoption {
    private let calls: Calls
    private(set) var wantsPrompts = false

    init(_ calls: Calls) { self.calls = calls }

    var blockHashes: String { "recorded" }

    func willApply(_ batch: borrowing KVEventBatch) { calls.note("will apply \(batch.events.count)") }

    func didApply(_ counts: AnnouncedCounts) {
      calls.note("did apply \(counts.stored)")
      wantsPrompts = true
    }

    func engineRestarted() { calls.note("restarted") }

    func take(prompt tokens: [UInt32], at now: MonotonicTime) -> AnnouncedCounts {
      calls.note("prompt \(tokens)")
      var counts = AnnouncedCounts()
      counts.adopted = 3
      return counts
    }

    func tick() {
      guard calls.isDone.load(ordering: .relaxed) else { return }
      wantsPrompts = false
    }
  }

  @Test func batchesAndPromptsArePassedOnAsLongAsTheyAreWanted() async throws {
    let calls = Calls()
    let pool = try FollowedPool(adoption: { _, _, _ in RecordingAdoption(calls) })
    let publisher = try TestPublisher()
    let endpoint = pool.follow(publisher)
    publisher.publish(EventBytes().storing([1, 2, 3]).bytes())
    try await pool.eventually("prompts are wanted") {
      pool.index.currentAnnouncements().adopting.contains(endpoint.slot)
    }
    #expect(calls.all == ["will apply 1", "did apply 3"])
    pool.subscriber.notePrompt([7, 8], to: endpoint.slot)
    try await pool.eventually("the prompt") { calls.all.last == "prompt [7, 8]" }
    try await pool.eventually("the status and the metric") {
      pool.status(endpoint)?.blockHashes == "recorded"
        && pool.metric("epp_kv_events_blocks_total{outcome=\"adopted\"}") == "3"
    }
    pool.subscriber.noteStart(of: endpoint.slot, at: 1000)
    pool.subscriber.noteStart(of: endpoint.slot, at: 1001)
    try await pool.eventually("the restart") { calls.all.contains("restarted") }
    calls.isDone.store(true, ordering: .relaxed)
    try await pool.eventually("no more prompts") {
      !pool.index.currentAnnouncements().adopting.contains(endpoint.slot)
    }
  }

  @Test func withoutOneNoPromptIsAskedFor() async throws {
    let pool = try FollowedPool()
    let publisher = try TestPublisher()
    let endpoint = pool.follow(publisher)
    publisher.publish(EventBytes().storing([1, 2, 3]).bytes())
    publisher.publish(EventBytes().storing([5], after: 4).bytes())
    try await pool.eventually("both messages") { pool.status(endpoint)?.nextMessage == 2 }
    pool.subscriber.notePrompt([1, 2, 3, 4, 5], to: endpoint.slot)
    publisher.publish(EventBytes().storing([4], after: 3).bytes())
    try await pool.eventually("all of it") { pool.depth([1, 2, 3, 4, 5], endpoint) == 5 }
    #expect(!pool.index.currentAnnouncements().adopting.contains(endpoint.slot))
    #expect(pool.status(endpoint)?.blockHashes == "unknown")
  }
}
