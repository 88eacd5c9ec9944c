import EPPCore
import EPPPrefixCache
import EPPRequests
import EPPRouting
import EPPScheduling
import Synchronization

/// A source whose snapshot a test sets.
final class FixedSource: PoolSnapshotSource {
  private let snapshot: Mutex<PoolSnapshot>

  init(_ snapshot: PoolSnapshot) { self.snapshot = Mutex(snapshot) }

  func set(_ snapshot: PoolSnapshot) { self.snapshot.withLock { $0 = snapshot } }

  func currentSnapshot() -> PoolSnapshot { snapshot.withLock { $0 } }
}

/// Keeps what it is given.
final class RecordingSink: DecisionSink {
  private let records = Mutex<[DecisionRecord]>([])

  var isEnabled: Bool { true }
  var all: [DecisionRecord] { records.withLock { $0 } }

  func record(_ decision: DecisionRecord) { records.withLock { $0.append(decision) } }
}

final class RecordingEvents: CacheEventSource {
  private let slots = Mutex<[EndpointSlot]>([])
  private let starts = Mutex<[Double]>([])

  private let unmatched = Mutex<[EndpointSlot]>([])

  var unmatchedEndpoints: [EndpointSlot] { unmatched.withLock { $0 } }
  var startTimes: [Double] { starts.withLock { $0 } }
  var resynchronised: [EndpointSlot] { slots.withLock { $0 } }

  func noteUnmatched(_ slot: EndpointSlot) { unmatched.withLock { $0.append(slot) } }

  func noteStart(of slot: EndpointSlot, at time: Double) { starts.withLock { $0.append(time) } }

  private let told = Mutex<[[UInt32]]>([])
  var prompts: [[UInt32]] { told.withLock { $0 } }
  func notePrompt(_ tokens: [UInt32], to slot: EndpointSlot) { told.withLock { $0.append(tokens) } }

  func resynchronise(_ slot: EndpointSlot, _ contradiction: CacheContradiction) { slots.withLock { $0.append(slot) } }
}

/// Says what it is told to, and remembers who could have been asked.
final class TestTokenSource: PromptTokenSource {
  private let answer: TokenAnswer
  private let distrusts = Mutex(0)
  private let endpoints = Mutex<[[EndpointAddress]]>([])

  init(_ answer: TokenAnswer) { self.answer = answer }

  var asked: [[EndpointAddress]] { endpoints.withLock { $0 } }

  func tokens(
    of request: InferenceRequest, body: RawSpan, at endpoints: [EndpointAddress], wake: @escaping @Sendable () -> Void
  ) -> TokenAnswer {
    self.endpoints.withLock { $0.append(endpoints) }
    return answer
  }

  /// How often what it says was found wrong.
  var distrustCount: Int { distrusts.withLock { $0 } }

  func distrust() { distrusts.withLock { $0 += 1 } }
}

final class TestPendingTokens: PendingTokens {
  var result: [UInt32]? { nil }
  func cancel() {}
}
