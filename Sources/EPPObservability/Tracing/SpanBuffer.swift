import EPPCore
package import EPPMetrics
package import EPPTracing
import Synchronization

/// Holds spans until they are exported: so many, and further ones are dropped and counted. Any thread may use it; none waits.
package final class SpanBuffer: SpanSink {
  private struct State {
    var spans: [SpanRecord] = []
    /// Signalled when a batch is full; each batch has its own.
    var fullBatch = OneShotEvent()
  }

  private let capacity: Int
  private let batch: Int
  private let dropped: Counter
  private let state = Mutex(State())

  /// - Parameters:
  ///   - capacity: most spans.
  ///   - batch: spans that are exported together.
  ///   - dropped: counts spans for which there is no room.
  package init(capacity: Int, batch: Int, dropped: Counter) {
    self.capacity = capacity
    self.batch = min(batch, capacity)
    self.dropped = dropped
  }

  package func record(_ span: SpanRecord) {
    let full: OneShotEvent? = state.withLock { state in
      guard state.spans.count < capacity else {
        dropped.increment()
        return nil
      }
      state.spans.append(span)
      return state.spans.count == batch ? state.fullBatch : nil
    }
    full?.signal()
  }

  /// Waits until a batch is full, or for `delay`.
  func waitForBatch(atMost delay: Duration) async {
    let full = state.withLock { state in state.spans.count < batch ? state.fullBatch : nil }
    guard let full else { return }
    _ = await withTimeLimit(delay) { await full.wait() }
  }

  /// Takes the oldest spans, a batch at most; nil when there are none.
  func take() -> [SpanRecord]? {
    state.withLock { state in
      guard !state.spans.isEmpty else { return nil }
      let taken = Array(state.spans.prefix(batch))
      state.spans.removeFirst(taken.count)
      if state.spans.count < batch, state.fullBatch.isSignalled { state.fullBatch = OneShotEvent() }
      return taken
    }
  }

  /// Puts spans back that were taken and not exported; newer ones that have no room are dropped.
  func putBack(_ spans: [SpanRecord]) {
    state.withLock { state in
      state.spans.insert(contentsOf: spans, at: 0)
      let excess = state.spans.count - capacity
      guard excess > 0 else { return }
      state.spans.removeLast(excess)
      dropped.increment(by: excess)
    }
  }

  /// Removes all spans, and returns how many there were.
  func removeAll() -> Int {
    state.withLock { state in
      defer { state.spans = [] }
      return state.spans.count
    }
  }
}
