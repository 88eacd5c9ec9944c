import EPPCore
import EPPConfiguration
import Testing

@Suite struct FlagSpellingTests {
  @Test func oldSpellingsBecomePresentOnesWithAWarning() {
    let result = FlagSpelling.normalised(["-poolName", "x", "--grpcPort=9002", "-metrics-port", "1", "--kvCacheUsageX"])
    #expect(
      result.arguments == ["--pool-name", "x", "--grpc-port=9002", "--metrics-port", "1", "--kv-cache-usage-x"])
    #expect(
      result.warnings == [
        "-poolName is an old spelling: write --pool-name", "--grpcPort is an old spelling: write --grpc-port",
        "-metrics-port is an old spelling: write --metrics-port",
        "--kvCacheUsageX is an old spelling: write --kv-cache-usage-x",
      ])
  }

  @Test(arguments: [
    "--grpc-port=1", "-v", "-v=4", "--v=4", "--", "-", "-5", "--tracing=false", "host:1", "---odd", "--a=b=", "-h",
    "--config-text=a: [B]", "-ü",
  ])
  func presentSpellingsStay(argument: String) {
    let result = FlagSpelling.normalised([argument])
    #expect(result.arguments == [argument])
    #expect(result.warnings.isEmpty)
  }

  @Test func verbosityMayTouchItsFlag() {
    #expect(FlagSpelling.normalised(["-v4", "-v10"]).arguments == ["-v=4", "-v=10"])
    #expect(FlagSpelling.normalised(["-v4"]).warnings.isEmpty)
  }

  /// Charts of KServe write an empty argument for each list item that is not set.
  @Test func emptyArgumentsThatAreNoValueAreLeftOut() {
    let result = FlagSpelling.normalised([
      "", "serve", "", "--pool-name", "", "", "--grpc-port=1", "", "-v", "4", "", "--", "",
    ])
    #expect(result.arguments == ["serve", "--pool-name", "", "--grpc-port=1", "-v", "4", "--", ""])
    #expect(result.warnings.isEmpty)
  }

  @Test func emptyValuesAreTexts() {
    #expect(FlagSpelling.normalised(["--pool-name=", "--x"]).arguments == ["--pool-name", "", "--x"])
  }

  @Test func aDocumentMayBeginWithDashes() {
    let (arguments, warnings) = FlagSpelling.normalised(["--config-text", "---\nplugins: []\n", "-v=3"])
    #expect(arguments == ["--config-text=---\nplugins: []\n", "-v=3"])
    #expect(warnings.isEmpty)
  }

  @Test func nothingChangesAfterTheTerminator() {
    #expect(FlagSpelling.normalised(["--", "-poolName", "--a="]).arguments == ["--", "-poolName", "--a="])
  }

  @Test func suggestionsAreNear() {
    let words = ["queue-scorer", "random-picker"]
    #expect(NearestWord.among(words, to: "queue-scorrer") == "queue-scorer")
    #expect(NearestWord.among(words, to: "Queue-Scorer") == "queue-scorer")
    #expect(NearestWord.among(words, to: "least-latency") == nil)
    #expect(NearestWord.among([], to: "x") == nil)
    #expect(NearestWord.among(["a"], to: String(repeating: "a", count: 100_000)) == nil)
    #expect(NearestWord.suggestion(words, for: "randompicker") == "; did you mean 'random-picker'?")
  }
}
