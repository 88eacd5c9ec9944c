/// Families about what plugins decide.
struct SchedulingFamilies: Sendable {
  let affinityDecisions: MetricFamily<Counter>
  let disaggregation: MetricFamily<Counter>
  let saturation: MetricFamily<Gauge>

  init(_ list: inout MetricFamilyList) {
    affinityDecisions = list.counter(
      "prefix_cache_affinity_filter_decisions_total", "Decisions of a prefix-cache-affinity-filter.",
      [.pluginName, .outcome])
    disaggregation = list.counter(
      "disagg_decision_total", "Requests by the stages that are served by endpoints of their own.",
      [.pluginName, .pluginType, .modelName, .decisionType])
    saturation = list.gauge(
      "flow_control_pool_saturation",
      "Saturation of the pool by the configured detector, for the stages of a disaggregated pool and as the value in effect: the greatest; 1 is at the limit.",
      [.inferencePool, .stage])
  }
}
