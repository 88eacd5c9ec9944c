import EPPCore

/// `lora-affinity-scorer`: 1 where the adapter runs; 0.8 where there is room to load it; 0.6 where requests for it wait;
/// else 0. The adapter is the model that the engine is asked for.
package struct LoRAAffinityScorer: Scorer {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "lora-affinity-scorer", "Prefers endpoints that have the request's LoRA adapter loaded, or room for it",
    parts: [.scorer { _, _ in LoRAAffinityScorer() }])

  package func score(_ context: borrowing SchedulingContext, into scores: inout [Double]) {
    let adapter = context.request.targetModel
    let all = context.snapshot.members
    let members = all.span
    for index in context.candidates.indices {
      let state = members[context.candidates[index]].metrics.loRA
      scores[index] =
        if state.running.contains(adapter) {
          1
        } else if state.usedSlots < state.maximum {
          0.8
        } else if state.waiting.contains(adapter) {
          0.6
        } else {
          0
        }
    }
  }
}
