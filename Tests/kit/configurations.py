"""Configuration files of pickers that several tests start."""

# Prefill and decode profiles, with a plugin of each kind that has metrics of its own.
DISAGGREGATED = """
apiVersion: llm-d.ai/v1
kind: EndpointPickerConfig
plugins:
- type: decode-filter
- type: prefill-filter
- { type: prefix-cache-affinity-filter, parameters: { affinityThreshold: 0.5 } }
- type: queue-scorer
- type: kv-cache-utilization-scorer
- type: prefix-cache-scorer
- { type: session-affinity-scorer, parameters: { strategy: session_id } }
- type: max-score-picker
- { type: prefix-based-pd-decider, parameters: { nonCachedTokens: 256 } }
- { type: disagg-profile-handler, parameters: { deciders: { prefill: prefix-based-pd-decider } } }
schedulingProfiles:
- name: decode
  plugins:
  - pluginRef: decode-filter
  - pluginRef: prefix-cache-affinity-filter
  - { pluginRef: queue-scorer, weight: 2 }
  - { pluginRef: kv-cache-utilization-scorer, weight: 2 }
  - { pluginRef: prefix-cache-scorer, weight: 3 }
  - { pluginRef: session-affinity-scorer, weight: 2 }
  - pluginRef: max-score-picker
- name: prefill
  plugins:
  - pluginRef: prefill-filter
  - pluginRef: queue-scorer
  - pluginRef: max-score-picker
"""
