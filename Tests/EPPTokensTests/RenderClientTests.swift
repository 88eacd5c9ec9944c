import Testing

@testable import EPPTokens

@Suite struct RenderClientTests {
  @Test func longPromptsAreGivenMoreTime() {
    var configuration = TokenSourceConfiguration()
    configuration.renderTimeout = .seconds(2)
    #expect(RenderClient.timeLimit(configuration, bytes: 0) == .seconds(2))
    #expect(RenderClient.timeLimit(configuration, bytes: 500) == .seconds(2) + .microseconds(500))
    #expect(RenderClient.timeLimit(configuration, bytes: 3_000_000) == .seconds(5))
  }
}
