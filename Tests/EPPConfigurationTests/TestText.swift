import EPPConfiguration

/// Documents that tests read.
enum TestText {
  static let head = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n"

  /// llm-d's own default, written out.
  static let standard =
    head + """
      plugins:
      - type: queue-scorer
      - type: kv-cache-utilization-scorer
      - type: prefix-cache-scorer
      - type: metrics-data-source
      - type: core-metrics-extractor
      schedulingProfiles:
      - name: default
        plugins:
        - pluginRef: queue-scorer
          weight: 2
        - pluginRef: kv-cache-utilization-scorer
          weight: 2
        - pluginRef: prefix-cache-scorer
          weight: 3
      dataLayer:
        sources:
        - pluginRef: metrics-data-source
          extractors:
          - pluginRef: core-metrics-extractor
      """

  /// What is wrong with a document; empty when it is good.
  static func problems(_ text: String) -> [String] {
    do {
      _ = try PickerConfigurationReader.read(text, file: "epp.yaml")
      return []
    } catch {
      return error.problems.map(\.description)
    }
  }
}
