import EPPConfiguration
import EPPPrefixCache
import EPPScheduling
import EPPTestKit
import Testing

@Suite struct SessionParametersTests {
  private func read(_ plugins: String) throws -> PickerConfigurationFile {
    try PickerConfigurationReader.read(TestText.head + "plugins:\n" + plugins, file: "epp.yaml")
  }

  /// The headers that the profile of a file keeps.
  private func headers(_ plugins: String) throws -> [String] {
    let file = try read(plugins)
    return Scheduler(
      file.scheduler.profile,
      PluginEnvironment(
        seed: HashSeed(first: 1, second: 2),
        sessions: SessionEnvironment(attributes: SessionAttributes(file.plugins)))
    ).headerNames
  }

  @Test(arguments: ["session-affinity-scorer", "session-affinity-filter"])
  func theFormsOfLLMDsDocumentationAreRead(type: String) throws {
    #expect(try headers("- {type: \(type)}") == ["x-session-token"])
    #expect(
      try headers(
        "- {type: \(type), parameters: {profileName: prefill, encodedEndpointHeaderConfig: {header: X-Token-P}}}")
        == ["x-token-p"])
    #expect(try headers("- {type: \(type), parameters: {headerName: X-Token-Q}}") == ["x-token-q"])
    #expect(
      try headers(
        """
        - type: \(type)
          parameters:
            strategy: session_id
            sessionIdConfig:
              sources:
              - header: X-Session-Id
              - attribute: agent-identity
              - {attribute: SessionIDDataKey, producer: mine}
              evictionTtlSeconds: 0.5
              evictionSweepSeconds: 10
        - {type: session-id-producer, name: mine, parameters: {cookieName: sid}}
        - {type: agent-identity, parameters: {additionalSessionHeaders: [X-Bot, x-other]}}
        """) == ["x-session-id", "x-bot", "x-other"] + AgentIdentity.knownHeaders + ["cookie"])
    // What is in the object of another strategy does not matter there either.
    let other = try read("- {type: \(type), parameters: {sessionIdConfig: {sources: [{header: a, attribute: b}]}}}")
    #expect(other.notes.first == "'sessionIdConfig' of \(type) has no effect without 'strategy: session_id'")
  }

  @Test func theOlderFormsGoOn() throws {
    #expect(try headers("- {type: session-affinity-scorer, parameters: {header: X-Chat}}") == ["x-chat"])
    #expect(
      try headers("- {type: session-affinity-scorer, parameters: {sources: [{header: a}, {header: b}]}}") == ["a", "b"])
    #expect(
      try headers("- {type: session-affinity-scorer, parameters: {evictionTtlSeconds: 60}}")
        == ["x-session-id"] + AgentIdentity.knownHeaders)
    #expect(
      try headers("- {type: session-affinity-scorer, parameters: {strategy: client_address, trustedHops: 2}}") == [])
    #expect(
      try headers("- {type: session-affinity-scorer, parameters: {strategy: encoded_endpoint_header, header: x-t}}")
        == ["x-t"])
    #expect(
      try headers("- {type: session-affinity-filter, parameters: {strategy: cookie, cookieName: Sid}}") == ["cookie"])
    #expect(
      try headers("- {type: session-affinity-filter, parameters: {strategy: signed_token, keyFile: k}}")
        == ["x-session-token"])
  }

  @Test func problemsNameTheFieldAndWhatIsAllowed() {
    let text =
      TestText.head + """
        plugins:
        - {type: session-affinity-scorer, name: a, parameters: {strategy: session_id, sessionIdConfig: {sources: [{header: h, cookie: c}]}}}
        - {type: session-affinity-scorer, name: b, parameters: {strategy: header, sources: [{producer: p}]}}
        - {type: session-affinity-scorer, name: c, parameters: {strategy: session_id, sources: [{cookie: "a b"}]}}
        - {type: session-affinity-scorer, name: d, parameters: {strategy: cookie, cookieName: "a;b"}}
        - {type: session-affinity-scorer, name: e, parameters: {cookieName: a, keyFile: k}}
        - {type: session-affinity-scorer, name: f, parameters: {strategy: signed_token}}
        - {type: session-affinity-scorer, name: g, parameters: {sessionIdConfig: {evictionTtlSeconds: -1, ttl: 3}}}
        - {type: agent-identity, parameters: {additionalSessionHeaders: ["a b", 3], more: 1}}
        - {type: session-id-producer, parameters: {cookieName: "ä"}}
        """
    let one = "an entry of sources needs exactly one of header, cookie and attribute"
    #expect(
      TestText.problems(text) == [
        "epp.yaml:4:107: \(one)",
        "epp.yaml:5:85: \(one)",
        "epp.yaml:6:89: cookie has to be the name of a cookie, not 'a b'",
        "epp.yaml:7:87: cookieName has to be the name of a cookie, not 'a;b'",
        "epp.yaml:8:69: 'cookieName' belongs to the strategies cookie and signed_token",
        "epp.yaml:8:81: 'keyFile' belongs to the strategy signed_token",
        "epp.yaml:9:67: the strategy signed_token needs a keyFile",
        "epp.yaml:10:95: evictionTtlSeconds has to be a number from 0 to 1000000000",
        "epp.yaml:10:99: unknown field 'ttl' in sessionIdConfig",
        "epp.yaml:11:66: an entry of additionalSessionHeaders has to be the name of a header, not 'a b'",
        "epp.yaml:11:73: an entry of additionalSessionHeaders has to be text: put '3' in quotes",
        "epp.yaml:11:77: unknown field 'more' in the parameters of agent-identity",
        "epp.yaml:12:56: cookieName has to be the name of a cookie, not 'ä'",
      ])
  }
}
