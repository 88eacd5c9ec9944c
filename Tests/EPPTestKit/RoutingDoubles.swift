package import EPPCore
package import EPPPrefixCache
package import EPPRouting
import Synchronization

/// A source whose snapshot a test sets.
package final class FixedSource: PoolSnapshotSource {
  private let snapshot: Mutex<PoolSnapshot>

  package init(_ snapshot: PoolSnapshot) { self.snapshot = Mutex(snapshot) }

  package func set(_ snapshot: PoolSnapshot) { self.snapshot.withLock { $0 = snapshot } }

  package func currentSnapshot() -> PoolSnapshot { snapshot.withLock { $0 } }
}

/// Keeps what it is given.
package final class RecordingSink: DecisionSink {
  private let records = Mutex<[DecisionRecord]>([])

  package init() {}

  package var isEnabled: Bool { true }
  package var all: [DecisionRecord] { records.withLock { $0 } }

  package func record(_ decision: DecisionRecord) { records.withLock { $0.append(decision) } }
}

package final class RecordingEvents: CacheEventSource {
  package init() {}

  private let slots = Mutex<[EndpointSlot]>([])
  private let starts = Mutex<[Double]>([])

  private let unmatched = Mutex<[EndpointSlot]>([])

  package var unmatchedEndpoints: [EndpointSlot] { unmatched.withLock { $0 } }
  package var startTimes: [Double] { starts.withLock { $0 } }
  package var resynchronised: [EndpointSlot] { slots.withLock { $0 } }

  package func noteUnmatched(_ slot: EndpointSlot) { unmatched.withLock { $0.append(slot) } }

  package func noteStart(of slot: EndpointSlot, at time: Double) { starts.withLock { $0.append(time) } }

  private let notedPrompts = Mutex<[[UInt32]]>([])
  package var prompts: [[UInt32]] { notedPrompts.withLock { $0 } }
  package func notePrompt(_ tokens: [UInt32], to slot: EndpointSlot) { notedPrompts.withLock { $0.append(tokens) } }

  package func resynchronise(_ slot: EndpointSlot, _ contradiction: CacheContradiction) {
    slots.withLock { $0.append(slot) }
  }
}

/// Says what it is told to, and remembers who could have been asked.
package final class TestTokenSource: PromptTokenSource {
  private let answer: TokenAnswer
  private let waker = Mutex<(@Sendable () -> Void)?>(nil)
  private let distrusts = Mutex(0)
  private let endpoints = Mutex<[[EndpointAddress]]>([])

  package init(_ answer: TokenAnswer) { self.answer = answer }

  package var asked: [[EndpointAddress]] { endpoints.withLock { $0 } }

  package func tokens(
    of request: InferenceRequest, body: RawSpan, at endpoints: [EndpointAddress], wake: @escaping @Sendable () -> Void
  ) -> TokenAnswer {
    self.endpoints.withLock { $0.append(endpoints) }
    waker.withLock { $0 = wake }
    return answer
  }

  /// Wakes who has asked last.
  package func wake() { waker.withLock { $0 }?() }

  /// How often what it says was found wrong.
  package var invalidations: Int { distrusts.withLock { $0 } }

  package func invalidate() { distrusts.withLock { $0 += 1 } }
}

/// Token ids that a test delivers.
package final class TestPendingTokens: PendingTokens {
  private struct State {
    var result: [UInt32]?
    var isCancelled = false
  }

  private let state = Mutex(State())

  package init() {}

  package var result: [UInt32]? { state.withLock { $0.result } }
  package var isCancelled: Bool { state.withLock { $0.isCancelled } }

  package func deliver(_ tokens: [UInt32]) { state.withLock { $0.result = tokens } }

  package func cancel() { state.withLock { $0.isCancelled = true } }
}
