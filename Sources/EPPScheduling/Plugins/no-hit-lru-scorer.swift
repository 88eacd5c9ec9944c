import EPPCore
import Synchronization

/// `no-hit-lru-scorer`: spreads requests whose prompt no endpoint holds, by preferring endpoints that have not computed such a
/// prompt for the longest time. Any thread may use it; its lock is held while the candidates' places are read.
///
/// 0.5 for all when any candidate holds a part of the prompt. Else, of n candidates, the i-th that was never used gets
/// 1 - i / (n - 1), and one that was used max(0, 1 - (u + p) / (n - 1)), where u is the number of the never used and p its place
/// among the used, 0 for the one used longest ago. 0 for a single candidate.
package final class NoHitLRUScorer: Scorer, RequestObserver, PluginStateReporting {
  /// How much is remembered.
  package struct StateReport: Encodable {
    /// Endpoints whose last such prompt is known.
    package let endpoints: Int
  }

  // MARK: Parameters

  private static let size = TypedParameter<Int>.integer(
    "lruSize", 1...1_000_000, default: 1024, "Endpoints that are remembered at most")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "no-hit-lru-scorer", "Spreads prompts that no endpoint holds over the endpoints",
    parameters: [
      size.declaration,
      PluginParameter(
        "prefixMatchInfoProducerName", .ignored(because: nil), "Has no effect: all prefix producers count"),
      PluginParameter("prefixPluginType", .ignored(because: nil), "Has no effect: all prefix producers count"),
      PluginParameter("prefixPluginName", .ignored(because: nil), "Has no effect: all prefix producers count"),
    ],
    needs: { _, _ in PluginNeeds(prefixMatch: true) }, parts: [.scorer { arguments, _ in NoHitLRUScorer(arguments) }])

  /// The endpoints that have computed a prompt that none held, with the numbers of their last such prompts.
  private struct Uses {
    var last: [EndpointSlot: UInt64] = [:]
    var count: UInt64 = 0

    mutating func note(_ slot: EndpointSlot, maximum: Int) {
      count += 1
      last[slot] = count
      if last.count > maximum, let oldest = last.min(by: { $0.value < $1.value })?.key { last[oldest] = nil }
    }
  }

  private let maximum: Int
  private let uses = Mutex(Uses())

  private init(_ arguments: PluginArguments) { maximum = min(EndpointSlot.capacity, arguments[Self.size]) }

  package var observer: (any RequestObserver)? { self }

  package func stateReport() -> StateReport { StateReport(endpoints: uses.withLock { $0.last.count }) }

  package func score(_ context: borrowing SchedulingContext, into scores: inout [Double]) {
    guard context.isCold else {
      for position in scores.indices { scores[position] = 0.5 }
      return
    }
    guard scores.count > 1 else { return }
    let last = Double(scores.count - 1)
    var used: [(number: UInt64, position: Int)] = []
    var neverUsed = 0
    uses.withLock { uses in
      for (position, slot) in context.slots.enumerated() {
        if let number = uses.last[slot] {
          used.append((number, position))
        } else {
          scores[position] = 1 - Double(neverUsed) / last
          neverUsed += 1
        }
      }
    }
    used.sort { $0.number < $1.number }
    for (place, entry) in used.enumerated() {
      scores[entry.position] = max(0, 1 - Double(neverUsed + place) / last)
    }
  }

  package func picked(_ pick: borrowing PickedRequest, _ effects: inout PickEffects) {
    let computing = pick.others.filter { $0.stage == .prefill && $0.isCold }.map(\.endpoint.slot)
    let decoding = pick.isCold ? [pick.endpoint.slot] : []
    guard !computing.isEmpty || !decoding.isEmpty else { return }
    uses.withLock { uses in
      for slot in decoding + computing { uses.note(slot, maximum: maximum) }
    }
  }
}
