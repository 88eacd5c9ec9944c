import EPPConfiguration
import Testing

/// What is told of a configuration that was read again.
@Suite struct ConfigurationChangeTests {
  private let plugins =
    "plugins: [{type: queue-scorer}, {type: no-hit-lru-scorer}, {type: approx-prefix-cache-producer}]"

  private func configuration(_ body: String) throws -> ServeConfiguration {
    try FlagsUnderTest().validated("--config-text=\(TestText.head)\(body)")
  }

  private func change(_ old: String, _ new: String) throws -> ConfigurationChange {
    ConfigurationChange(from: try configuration(old), to: try configuration(new))
  }

  @Test func nothingIsSaidOfTheSame() throws {
    let change = try change(plugins, plugins)
    #expect(change.isEmpty && change.needingRestart.isEmpty && change.summary == "nothing")
  }

  @Test func weightsAreNamed() throws {
    let profile = { (weight: Int) in
      "plugins: [{type: queue-scorer}]\nschedulingProfiles: [{name: a, plugins: [{pluginRef: queue-scorer, weight: \(weight)}]}]"
    }
    let change = try change(profile(2), profile(5))
    #expect(change.weights == ["queue-scorer=5"] && change.restarted.isEmpty && !change.hasOtherProfiles)
    #expect(change.summary == "weights queue-scorer=5")
  }

  @Test func pluginsThatStartEmptyAreNamed() throws {
    let change = try change(
      plugins, plugins.replacing("no-hit-lru-scorer}", with: "no-hit-lru-scorer, parameters: {lruSize: 9}}"))
    #expect(change.restarted == ["no-hit-lru-scorer"])
    #expect(change.summary == "changed, and starting empty, no-hit-lru-scorer")
  }

  @Test func pluginsThatComeAndGoAreNamed() throws {
    let change = try change(plugins, plugins.replacing("queue-scorer", with: "load-aware-scorer"))
    #expect(change.added == ["load-aware-scorer"] && change.removed == ["queue-scorer"])
  }

  @Test func whatNeedsARestartIsNamed() throws {
    let events =
      "plugins: [{type: precise-prefix-cache-producer, parameters: {kvEventsConfig: {podDiscoveryConfig: {socketPort: 7}}}}]"
    #expect(try change(plugins, events).needingRestart == ["where the engines' KV events are"])
  }
}
