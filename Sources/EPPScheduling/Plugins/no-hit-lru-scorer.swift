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

  /// The endpoints that have computed a prompt that none held, in the order of their last such prompts: a list that is linked by
  /// the indices of slots, so that reading the places of all candidates neither allocates nor sorts.
  private struct Uses {
    private struct Entry {
      /// Whether the endpoint is in the list.
      var isUsed = false
      var generation: UInt32 = 0
      /// The neighbours in the list; -1 at its ends.
      var older = -1
      var newer = -1
      /// The reading that has found the endpoint among its candidates last, and its position there.
      var reading: UInt64 = 0
      var position = 0
    }

    /// By the index of the slot; as long as the greatest index that was noted.
    private var entries: [Entry] = []
    private var oldest = -1
    private var newest = -1
    private var readings: UInt64 = 0
    /// Endpoints in the list.
    private(set) var count = 0

    mutating func note(_ slot: EndpointSlot, maximum: Int) {
      while entries.count <= slot.index { entries.append(Entry()) }
      let known = entries[slot.index]
      if known.isUsed {
        // A request to an endpoint that has left the slot meanwhile.
        if known.generation != slot.generation, !slot.isLater(than: known.generation) { return }
        remove(slot.index)
      }
      entries[slot.index] = Entry(isUsed: true, generation: slot.generation, older: newest)
      if newest >= 0 { entries[newest].newer = slot.index } else { oldest = slot.index }
      newest = slot.index
      count += 1
      if count > maximum { remove(oldest) }
    }

    private mutating func remove(_ index: Int) {
      let entry = entries[index]
      if entry.older >= 0 { entries[entry.older].newer = entry.newer } else { oldest = entry.newer }
      if entry.newer >= 0 { entries[entry.newer].older = entry.older } else { newest = entry.older }
      entries[index] = Entry()
      count -= 1
    }

    /// Writes the scores of more than one candidate.
    mutating func score(_ slots: borrowing [EndpointSlot], into scores: inout MutableSpan<Double>) {
      readings += 1
      let reading = readings
      var next = oldest
      let last = Double(slots.count - 1)
      var (neverUsed, used, place) = (0, 0, 0)
      var entries = entries.mutableSpan
      for position in slots.indices {
        let slot = slots[position]
        if slot.index < entries.count, entries[slot.index].isUsed, entries[slot.index].generation == slot.generation {
          entries[slot.index].reading = reading
          entries[slot.index].position = position
          used += 1
        } else {
          scores[position] = 1 - Double(neverUsed) / last
          neverUsed += 1
        }
      }
      while place < used, next >= 0 {
        if entries[next].reading == reading {
          scores[entries[next].position] = max(0, 1 - Double(neverUsed + place) / last)
          place += 1
        }
        next = entries[next].newer
      }
    }
  }

  private let maximum: Int
  private let uses = Mutex(Uses())

  private init(_ arguments: PluginArguments) { maximum = min(EndpointSlot.capacity, arguments[Self.size]) }

  package var observer: (any RequestObserver)? { self }

  package func stateReport() -> StateReport { StateReport(endpoints: uses.withLock { $0.count }) }

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    guard context.isCold else {
      for position in scores.indices { scores[position] = 0.5 }
      return
    }
    guard scores.count > 1 else { return }
    uses.withLock { $0.score(context.slots, into: &scores) }
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
