import EPPCore

/// `lora-affinity-scorer`: 1 where the adapter runs; 0.8 where there is room to load it; 0.6 where requests for it wait;
/// else 0. The adapter is the model that the engine is asked for.
package struct LoRAAffinityScorer: Scorer {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "lora-affinity-scorer", "Prefers endpoints that have the request's LoRA adapter loaded, or room for it",
    parts: [.scorer { _, _ in LoRAAffinityScorer() }])

  package func score(_ context: borrowing SchedulingContext, into scores: consuming MutableSpan<Double>) {
    let adapter = LoRAState.Adapter(context.request.targetModel)
    let all = context.snapshot.members
    let members = all.span
    // In place: no member's lists are copied.
    for (position, index) in context.candidates.enumerated() {
      let isPossible = members[index].metrics.loRA.marks & adapter.mark != 0
      scores[position] =
        if isPossible, members[index].metrics.loRA.running.contains(adapter) {
          1
        } else if members[index].metrics.loRA.usedSlots < members[index].metrics.loRA.maximum {
          0.8
        } else if isPossible, members[index].metrics.loRA.waiting.contains(adapter) {
          0.6
        } else {
          0
        }
    }
  }
}
