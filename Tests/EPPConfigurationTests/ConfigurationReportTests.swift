import EPPScheduling
import FoundationEssentials
import Testing

@testable import EPPConfiguration

@Suite struct ConfigurationReportTests {
  private let file = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\nplugins:\n- type: queue-scorer\n"
  private let start = Date(timeIntervalSince1970: 1_000_000)
  private let later = Date(timeIntervalSince1970: 2_000_000)

  private func json(_ report: ConfigurationReport) throws -> [String: String] {
    let encoder = JSONEncoder()
    encoder.dateEncodingStrategy = .iso8601
    encoder.outputFormatting = .withoutEscapingSlashes
    struct Member: Decodable {
      var text: String
      init(from decoder: any Decoder) throws {
        text = (try? decoder.singleValueContainer().decode(String.self)) ?? "other"
      }
    }
    return try JSONDecoder().decode([String: Member].self, from: try encoder.encode(report)).mapValues(\.text)
  }

  @Test func flagsAloneHaveNoText() throws {
    let configuration = try FlagsUnderTest().validated("--scorer", "queue-scorer=2")
    let report = ConfigurationReport(configuration, arguments: ["--scorer", "queue-scorer=2"], time: start)
    #expect(report.origin == .flags && report.path == nil && report.text == nil && report.since == start)
    #expect(report.arguments == ["--scorer", "queue-scorer=2"])
    #expect(report.lastReload == .init(state: .none, time: nil, errors: []))
    #expect(report.profiles.map(\.scorers) == [[.init(name: "queue-scorer", weight: 2)]])
    #expect(report.profiles[0].picker == "max-score-picker")
    let members = try json(report)
    #expect(members["since"] == "1970-01-12T13:46:40Z" && members["origin"] == "flags" && members["path"] == nil)
  }

  @Test func aFileIsShownWithItsPathAndATextWithout() throws {
    var flags = FlagsUnderTest()
    flags.files["/etc/epp.yaml"] = file
    var report = ConfigurationReport(
      try flags.validated("--config-file", "/etc/epp.yaml"), arguments: [], time: start)
    #expect(report.origin == .file && report.path == "/etc/epp.yaml" && report.text == file)
    report = ConfigurationReport(
      try flags.validated("--config-text", file), arguments: ["--config-text", file], time: start)
    #expect(report.origin == .text && report.path == nil && report.text == file)
    #expect(report.arguments == ["--config-text", "[redacted]"])
  }

  @Test func aReloadIsShownAndAFailedOneKeepsWhatIsInForce() throws {
    var flags = FlagsUnderTest()
    flags.files["a"] = file
    var report = ConfigurationReport(try flags.validated("--config-file", "a"), arguments: [], time: start)
    let other = file.replacing("queue-scorer", with: "prefix-cache-scorer")
    flags.files["a"] = other
    report.reloaded(try flags.validated("--config-file", "a"), time: later)
    #expect(
      report.since == later && report.text == other && report.profiles[0].scorers[0].name == "prefix-cache-scorer")
    #expect(report.lastReload == .init(state: .ok, time: later, errors: []))
    flags.files["a"] = file + "nonsense: 1\n"
    let problems = #expect(throws: ConfigurationProblems.self) { _ = try flags.validated("--config-file", "a") }
    report.reloadFailed(try #require(problems), time: start)
    #expect(report.since == later && report.text == other)
    #expect(report.lastReload.state == .failed && report.lastReload.time == start)
    #expect(report.lastReload.errors.count == 1 && report.lastReload.errors[0].hasPrefix("a:5:1: "))
  }
}

@Suite struct SecretRedactionTests {
  @Test(arguments: [
    "password: hunter2", "apiKey: hunter2", "API_KEY: hunter2", "huggingFaceToken: hunter2", "hash-seed: 'hunter2'",
    "a: {b: [{clientSecret: hunter2}]}", "{\"private_key\": \"hunter2\"}", "token: [hunter2, hunter2]",
    "secret: {value: hunter2}", "passphrase: |\n  first\n  hunter2\nnext: 1", "passphrase: >-\n  hunter2\n",
    "? password\n: hunter2",
    "\"pass\\u0077ord\": hunter2", "address: redis://user:hunter2@cache:6379", "- {name: HF_TOKEN, value: hunter2}",
    "# password: hunter2\na: 1", "a: 1 # token: hunter2", "x: &a {password: hunter2}\ny: *a",
    "authorization: Bearer hunter2",
    "APIKey: !!str hunter2", "secret: hunter2: 3",
  ]) func secretsAreNotShown(_ text: String) {
    let shown = SecretRedaction.text(text)
    #expect(!shown.contains("hunter2") && (shown.contains("[redacted]") || text.contains("#")), "\(shown)")
  }

  @Test(arguments: [
    "tokenFile: /run/token", "passwordPath: /run/p", "secretName: s", "blockSizeTokens: 16", "cacheKey: c", "key: k",
    "maxPrefixTokensToMatch: 4 # a comment stays\n", "token-producer: {x: 1}", "tokenProcessorConfig: {blockSize: 16}",
    "url: http://host:80/path@x", "secrets-of-life: 42", "a: \"b\"  \n\n# c\n", "",
  ]) func theRestIsShownAsItIs(_ text: String) { #expect(SecretRedaction.text(text) == text) }

  @Test func whereASecretIsStays() {
    let shown = SecretRedaction.text("secret: {name: s, namespace: n, key: hunter2, file: /f}\npassword: x\nb: 1 # c\n")
    for part in ["name: s", "namespace: n", "file: /f", "b: 1"] { #expect(shown.contains(part), "\(shown)") }
    #expect(!shown.contains("hunter2") && !shown.contains("# c"))
  }

  @Test func aliasesThatStandForMillionsAreNotFollowed() {
    let lines = (1...9).map { "a\($0): [\(Array(repeating: "*x\($0 - 1)", count: 9).joined(separator: ", "))] &x\($0)" }
    let bomb =
      (["a0: &x0 [1]"]
      + lines.map { line in
        let parts = line.split(separator: ": ", maxSplits: 1)
        let anchor = parts[1].suffix(3)
        return "\(parts[0]): \(anchor) \(parts[1].dropLast(4))"
      } + ["password: hunter2"]).joined(separator: "\n")
    #expect(!SecretRedaction.text(bomb).contains("hunter2"))
  }

  @Test func argumentsWithSecretsAreHidden() {
    #expect(
      SecretRedaction.arguments([
        "serve", "--config-text=password: x", "--config-text", "a: 1", "--admin-token-file", "/t", "--api-token", "x",
        "--endpoint=http://u:p@h:1", "--scorer", "queue-scorer=2",
      ]) == [
        "serve", "--config-text=[redacted]", "--config-text", "[redacted]", "--admin-token-file", "/t", "--api-token",
        "[redacted]", "--endpoint=http://[redacted]@h:1", "--scorer", "queue-scorer=2",
      ])
  }
}
