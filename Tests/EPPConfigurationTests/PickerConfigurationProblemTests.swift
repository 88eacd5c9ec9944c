import EPPConfiguration
import Testing

/// What a reader of a broken file sees, word for word.
@Suite struct PickerConfigurationProblemTests {
  @Test func allProblemsAreNamedAtOnceWithTheirPlaces() {
    let text = """
      apiVersion: llm-d.ai/v2
      kind: EndpointPickerConfg
      featureGates: [flowControl, flowControll, haPopulateNonLeaderDatastore=perhaps]
      plugins:
      - type: queue-scorrer
      - type: prefix-cache-scorer
        parameters:
          matchLengthWeight: 2
          matchLengthScaleToken: 4
          lruCapacityPerServer: 0
      - type: queue-scorer
        parameters: {threshold: 1}
      - type: queue-scorer
      - name: picker
        type: max-score-picker
        parameters: {maxNumOfEndpoints: "2"}
      - type: random-picker
      - nme: x
      schedulingProfiles:
      - name: default
        plugins:
        - pluginRef: queue-scorer
          weight: -1
        - pluginRef: prefix-cache-scorrer
        - pluginRef: picker
          weight: 2
        - pluginRef: random-picker
        - weight: 3
        - pluginRef: queue-scorrer
      extra: 1
      """
    #expect(
      TestText.problems(text) == [
        "epp.yaml:1:13: apiVersion has to be llm-d.ai/v1, not 'llm-d.ai/v2'",
        "epp.yaml:2:7: kind has to be EndpointPickerConfig, not 'EndpointPickerConfg'",
        "epp.yaml:3:16: the feature gate flowControl is known in llm-d but not supported by this version yet",
        "epp.yaml:3:29: unknown feature gate 'flowControll'; did you mean 'flowControl'?",
        "epp.yaml:3:43: the feature gate haPopulateNonLeaderDatastore is either haPopulateNonLeaderDatastore=true or "
          + "haPopulateNonLeaderDatastore=false",
        "epp.yaml:5:9: unknown plugin type 'queue-scorrer'; did you mean 'queue-scorer'?",
        "epp.yaml:8:24: matchLengthWeight has to be a number from 0 to 1",
        "epp.yaml:9:5: unknown field 'matchLengthScaleToken' in the parameters of prefix-cache-scorer; did you mean "
          + "'matchLengthScaleTokens'?",
        "epp.yaml:10:27: lruCapacityPerServer has to be a whole number from 1 to 100000000",
        "epp.yaml:13:9: there are two plugins named 'queue-scorer'; give one of them another name",
        "epp.yaml:16:35: maxNumOfEndpoints has to be a whole number from 1 to 64: write 2 without quotes",
        "epp.yaml:18:3: unknown field 'nme' in a plugin; did you mean 'name'?",
        "epp.yaml:18:3: a plugin needs a type",
        "epp.yaml:23:13: weight has to be a number from 0 to 1000000",
        "epp.yaml:24:16: there is no plugin named 'prefix-cache-scorrer'; did you mean 'prefix-cache-scorer'?",
        "epp.yaml:27:5: a profile has one picker; 'random-picker' is a second one",
        "epp.yaml:28:5: a plugin of a profile needs a pluginRef",
        "epp.yaml:30:1: unknown field 'extra' in the document",
      ])
  }

  @Test func whatOnlyLLMDHasIsNamedAsSuch() {
    let text =
      TestText.head + """
        plugins:
        - type: prefix-cache-affinity-filter
        - type: token-load-scorer
        - type: local-syncer
          parameters: {whatever: it, holds: [1]}
        - type: weighted-random-picker
        - type: multicluster-queue-scorer
        - type: utilization-detector
          parameters: {queueDepthThreshold: 10}
        - type: session-affinity-scorer
          parameters: {strategy: sesion_id}
        - type: session-id-producer
          parameters: {headerName: x, cookieName: sid}
        schedulingProfiles:
        - name: decode
          plugins: [{pluginRef: token-load-scorer, weight: 2}]
        - name: prefill
          plugins: [{pluginRef: token-load-scorer}, {pluginRef: utilization-detector}]
        dataLayer:
          peerDiscovery: {pluginRef: x}
        """
    #expect(
      TestText.problems(text) == [
        "epp.yaml:4:1: several scheduling profiles need a profile handler in plugins, such as '- type: "
          + "disagg-profile-handler'",
        "epp.yaml:6:9: 'local-syncer' is known in llm-d but not supported by this version yet",
        "epp.yaml:9:9: 'multicluster-queue-scorer' is known in llm-d but not supported by this version yet",
        "epp.yaml:13:26: unknown strategy 'sesion_id'; did you mean 'session_id'? (known: encoded_endpoint_header, "
          + "session_id, header, cookie, client_address, signed_token)",
        "epp.yaml:15:43: session-id-producer reads a header or a cookie: give one of headerName and cookieName",
      ])
  }

  @Test func keysThatAreGivenTwiceAreFoundTogetherWithTheRest() {
    let text = """
      apiVersion: llm-d.ai/v1alpha1
      kind: EndpointPickerConfig
      kind: EndpointPickerConfig
      plugins:
      - {type: queue-scorer, "type": foo, type: bar}
      - type: queue-scorrer
      """
    #expect(
      TestText.problems(text) == [
        "epp.yaml:3:1: 'kind' is given twice in the document",
        "epp.yaml:5:24: 'type' is given twice in a plugin",
        "epp.yaml:5:37: 'type' is given twice in a plugin",
        "epp.yaml:5:43: unknown plugin type 'bar'",
        "epp.yaml:6:9: unknown plugin type 'queue-scorrer'; did you mean 'queue-scorer'?",
      ])
  }

  @Test func wrongTypesOfValuesAreNamed() {
    let text =
      TestText.head + """
        plugins:
        - type: [queue-scorer]
        - type: 7
        - queue-scorer
        - {type: queue-scorer, name: yes}
        - {type: approx-prefix-cache-producer, parameters: {autoTune: "true", maxPrefixTokensToMatch: 1e5}}
        - {type: session-affinity-scorer, parameters: {strategy: header, header: "a b", trustedHops: 1}}
        schedulingProfiles: {name: default}
        dataLayer: []
        flowControl: {enableEviction: 3, priorityBands: [{priorty: 1}]}
        saturationDetector: {pluginRef: queue-scorer}
        """
    #expect(
      TestText.problems(text) == [
        "epp.yaml:4:9: type has to be text",
        "epp.yaml:5:9: type has to be text: put '7' in quotes",
        "epp.yaml:6:3: a plugin has to be a mapping: write 'type: queue-scorer'",
        "epp.yaml:7:30: name has to be text: put 'yes' in quotes",
        "epp.yaml:8:63: autoTune has to be true or false",
        "epp.yaml:8:95: maxPrefixTokensToMatch has to be a whole number from 0 to 16000000",
        "epp.yaml:9:74: header has to be the name of a header, not 'a b'",
        "epp.yaml:9:94: 'trustedHops' belongs to the strategy client_address",
        "epp.yaml:10:21: schedulingProfiles has to be a list",
        "epp.yaml:11:12: dataLayer has to be a mapping",
        "epp.yaml:12:31: enableEviction has to be true or false",
        "epp.yaml:12:51: unknown field 'priorty' in a priority band; did you mean 'priority'?",
        "epp.yaml:13:33: 'queue-scorer' is a scorer; a saturation detector is expected here",
      ])
  }

  @Test func oneHandlerIsEnough() {
    let text =
      TestText.head + """
        plugins: [{type: single-profile-handler}, {type: single-profile-handler, name: b}]
        """
    #expect(TestText.problems(text) == ["epp.yaml:3:80: there is one profile handler at most; 'b' is a second one"])
  }

  @Test(arguments: [
    ("", "epp.yaml: it is empty"),
    ("[]", "epp.yaml:1:1: the document has to be a mapping"),
    ("a: [", "epp.yaml:2:1: this is not YAML: did not find expected node content"),
    ("a: 1\n---\nb: 2\n", "epp.yaml:2:1: there is a second document (---): give one"),
    ("a: \u{1}", "epp.yaml: this is not YAML: control characters are not allowed"),
    ("a: *b", "epp.yaml:1:4: this is not YAML: found undefined alias"),
  ])
  func whatIsNoDocumentIsSaidToBeNone(text: String, message: String) {
    #expect(TestText.problems(text) == [message])
  }

  @Test func aDocumentWithoutVersionAndKindSaysWhatToAdd() {
    #expect(
      TestText.problems("plugins: []") == [
        "epp.yaml:1:1: apiVersion is missing: add 'apiVersion: llm-d.ai/v1'",
        "epp.yaml:1:1: kind is missing: add 'kind: EndpointPickerConfig'",
      ])
  }

  @Test func aNameThatWasForgottenInPluginsIsExplained() {
    let text = TestText.head + "schedulingProfiles: [{plugins: [{pluginRef: queue-scorer}]}]"
    #expect(
      TestText.problems(text) == [
        "epp.yaml:3:22: a scheduling profile needs a name: add 'name: default'",
        "epp.yaml:3:45: there is no plugin named 'queue-scorer': add '- type: queue-scorer' to plugins",
      ])
  }
}
