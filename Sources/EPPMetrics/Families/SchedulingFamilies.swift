/// Families about what plugins decide, about the configuration and about traces.
struct SchedulingFamilies: Sendable {
  let decisions: MetricFamily<Counter>
  let affinityDecisions: MetricFamily<Counter>
  let disaggregation: MetricFamily<Counter>
  let saturation: MetricFamily<Gauge>
  let detectorSaturation: MetricFamily<Gauge>
  let staleEndpoints: MetricFamily<Gauge>
  let encoderQueries: MetricFamily<Counter>
  let encoderHits: MetricFamily<Counter>
  let encoderHitRatio: MetricFamily<Histogram>
  let reloads: MetricFamily<Counter>
  let isConfigurationValid: MetricFamily<Gauge>
  let configurationLoaded: MetricFamily<Gauge>
  let traceSpans: MetricFamily<Counter>

  init(_ list: inout MetricFamilyList) {
    decisions = list.own(
      "decisions_total",
      "Picks of a profile by why the endpoint was preferred to the next best: the scorer with the greatest weighted advantage, a tie, the picker's chance, or no other candidate.",
      [.profile, .reason, .pluginName])
    affinityDecisions = list.counter(
      "prefix_cache_affinity_filter_decisions_total", "Decisions of a filter by prefix affinity.",
      [.pluginName, .outcome])
    disaggregation = list.counter(
      "disagg_decision_total", "Requests by the stages that are served by endpoints of their own.",
      [.pluginName, .pluginType, .modelName, .decisionType])
    saturation = list.gauge(
      "flow_control_pool_saturation",
      "Saturation of the pool by the configured detector, for the stages of a disaggregated pool and as the value in effect: the greatest; 1 is at the limit.",
      [.inferencePool, .stage])
    detectorSaturation = list.gauge(
      "flow_control_detector_saturation", "Saturation of the pool by a detector, for each stage; 1 is at the limit.",
      [.detector, .stage])
    staleEndpoints = list.gauge(
      "flow_control_stale_endpoints", "Endpoints whose load is estimated, because their metrics pages are old.",
      [.detector])
    encoderQueries = list.counter(
      "encoder_cache_queries_total", "Images, sounds and films of requests that were looked up.",
      [.pluginType, .pluginName, .modality])
    encoderHits = list.counter(
      "encoder_cache_hits_total", "Images, sounds and films that an endpoint has encoded before.",
      [.pluginType, .pluginName, .pod, .modality])
    encoderHitRatio = list.histogram(
      "encoder_cache_hit_ratio", "Share of a request's images, sounds and films that an endpoint has encoded before.",
      [.pluginType, .pluginName], .prefixHitRatio)
    reloads = list.own(
      "config_reloads_total", "Attempts to read the configuration file again while serving.", [.result])
    isConfigurationValid = list.own(
      "config_valid", "1 while the configuration file as it was last read is in force, 0 while an earlier one is.", [])
    configurationLoaded = list.own(
      "config_loaded_timestamp_seconds", "When the configuration in force was read, in seconds since 1970.", [])
    traceSpans = list.own(TraceSeries.name, TraceSeries.help, [.result])
  }
}
