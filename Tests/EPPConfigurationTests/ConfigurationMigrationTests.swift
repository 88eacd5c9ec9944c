import EPPScheduling
import Testing

@testable import EPPConfiguration

/// Older files in the newest form.
@Suite struct ConfigurationMigrationTests {
  @Test func allOlderFormsAreReplaced() throws {
    let migration = try ConfigurationMigration.migrate(
      """
      # The picker of the chat pool.
      apiVersion: inference.networking.x-k8s.io/v1alpha1
      kind: EndpointPickerConfig
      featureGates: [prepareDataPlugins, dataLayer]
      plugins:
      - type: tokenizer
      - type: prefill-header-handler
      - type: pd-profile-handler
        parameters: { decodeProfile: d, deciderPluginName: always-disagg-pd-decider, threshold: 10 }
      - type: always-disagg-pd-decider
      - type: by-label
        name: decoders
        parameters: { label: role, validValues: [decode, "1"] }
      - type: precise-prefix-cache-scorer
        name: precise
        parameters:
          kvEventsConfig: { discoverPods: false, engineType: vllm }
      - type: prefix-cache-scorer
        parameters: { hashBlockSize: 64, lruCapacityPerServer: 1000, matchLengthWeight: 0.5 }
      - type: utilization-detector
        parameters: { metricsStalenessThreshold: 300ms }
      - type: file-discovery
        parameters: { path: /endpoints.yaml }
      schedulingProfiles:
      - name: d
        plugins:
        - pluginRef: prefill-header-handler
        - pluginRef: decoders
        - { pluginRef: precise, weight: 2.5 }
        - pluginRef: prefix-cache-scorer
      saturationDetector: { pluginRef: utilization-detector }
      dataLayer:
        discovery: { pluginRef: file-discovery }
        crossReplicaSyncInterval: 1s
      """, file: "old.yaml")
    #expect(
      migration.text == """
        # The picker of the chat pool.
        apiVersion: llm-d.ai/v1
        kind: EndpointPickerConfig
        plugins:
        - name: tokenizer
          type: token-producer
        - name: pd-profile-handler
          type: disagg-profile-handler
          parameters:
            profiles:
              decode: d
            deciders:
              prefill: always-disagg-pd-decider
        - type: always-disagg-pd-decider
        - name: decoders
          type: label-selector-filter
          parameters:
            matchExpressions:
            - key: role
              operator: In
              values:
              - decode
              - "1"
        - name: precise-producer
          type: precise-prefix-cache-producer
          parameters:
            kvEventsConfig:
              discoverPods: false
              engineType: vllm
        - name: precise
          type: prefix-cache-scorer
          parameters:
            prefixMatchInfoProducerName: precise-producer
        - type: approx-prefix-cache-producer
          parameters:
            lruCapacityPerServer: 1000
        - type: prefix-cache-scorer
          parameters:
            matchLengthWeight: 0.5
        - type: utilization-detector
          parameters:
            metricsStalenessThreshold: 300ms
        - type: file-discovery
          parameters:
            path: /endpoints.yaml
        schedulingProfiles:
        - name: d
          plugins:
          - pluginRef: decoders
          - pluginRef: precise
            weight: 2.5
          - pluginRef: prefix-cache-scorer
        dataLayer:
          discovery:
            endpoints:
              pluginRef: file-discovery
          crossReplica:
            syncInterval: 1s
        flowControl:
          saturationDetector:
            pluginRef: utilization-detector

        """)
    #expect(migration.changes.count == 13, "\(migration.changes)")
    let again = try ConfigurationMigration.migrate(migration.text, file: "new.yaml")
    #expect(again.text == migration.text)
    #expect(again.changes == [])
  }

  @Test func whatTheNewFormWouldNameTwiceStays() throws {
    let migration = try ConfigurationMigration.migrate(
      """
      apiVersion: llm-d.ai/v1
      kind: EndpointPickerConfig
      plugins:
      - type: approx-prefix-cache-producer
      - type: prefix-cache-scorer
        parameters: { lruCapacityPerServer: 1000 }
      """, file: "old.yaml")
    #expect(
      migration.changes == [
        "plugins: 'prefix-cache-scorer' stays as it is, because 'approx-prefix-cache-producer' is there already"
      ])
    #expect(migration.text.contains("lruCapacityPerServer: 1000"))
  }

  @Test func aWrongFileIsNotMigrated() {
    #expect(throws: ConfigurationProblems.self) { try ConfigurationMigration.migrate("kind: x", file: "old.yaml") }
  }
}

/// A pasted ConfigMap.
@Suite struct ConfigMapDocumentTests {
  private func problems(_ text: String) -> [String] {
    do {
      _ = try PickerConfigurationReader.read(text, file: "map.yaml")
      return []
    } catch {
      return error.problems.map(\.description)
    }
  }

  private func map(_ data: String) -> String {
    "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: epp }\ndata:\n" + data
  }

  @Test func theInnerDocumentIsRead() throws {
    let file = try PickerConfigurationReader.read(
      map(
        """
          notes.txt: nothing
          epp.yaml: |
            apiVersion: llm-d.ai/v1
            kind: EndpointPickerConfig
            plugins:
            - type: queue-scorer
        """), file: "map.yaml")
    #expect(file.plugins.map(\.name) == ["queue-scorer"])
    #expect(file.notes.first == "this is a ConfigMap: its key 'epp.yaml' is read")
  }

  @Test func problemsAreAtTheirPlaceInTheConfigMap() {
    let text = map(
      """
        epp.yaml: |

          apiVersion: llm-d.ai/v1
          kind: EndpointPickerConfig
          plugins:
          - type: queue-scorr
      """)
    #expect(
      problems(text) == ["map.yaml:10:13: unknown plugin type 'queue-scorr'; did you mean 'queue-scorer'?"])
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines[9].dropFirst(12).hasPrefix("queue-scorr"))
  }

  @Test func problemsOfAQuotedDocumentNameItsLine() {
    let text = map(#"  epp.yaml: "apiVersion: llm-d.ai/v1\nkind: EndpointPickerConfig\nplugin: []\n""#)
    #expect(problems(text).map { $0.contains("line 3 of data.'epp.yaml': unknown field 'plugin'") } == [true])
  }

  @Test func aConfigMapWithoutOrWithSeveralDocumentsSaysSo() {
    #expect(
      problems(map("  a.yaml: nothing")).map { $0.contains("no key of its data has an EndpointPickerConfig") } == [true]
    )
    let document = #""{apiVersion: llm-d.ai/v1, kind: EndpointPickerConfig}""#
    #expect(problems(map("  a: \(document)\n  b: \(document)")).map { $0.contains(": a, b; give one") } == [true])
  }
}
