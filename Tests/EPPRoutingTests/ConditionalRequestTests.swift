import EPPCore
import EPPRequests
import EPPRouting
import EPPTestKit
import Testing

/// Requests that are wanted only where the prompt is cached (`Prefer: if-available`).
@Suite struct ConditionalRequestTests {
  @Test func theyAreRefusedUntilAnEndpointHoldsThePrompt() throws {
    let test = PoolTests()
    var scratch = test.pool.pipeline.makeScratch()
    let body = test.body(String(repeating: "a prompt of 32 bytes, repeated. ", count: 16))
    let wish = [("prefer", "respond-async, if-available")]
    let refused = #expect(throws: Rejection.self) { try test.route(body, headers: wish, scratch: &scratch).get() }
    #expect(refused?.status == .preconditionFailed && refused?.reason == nil)
    // Without the wish the prompt is routed, and then it is there.
    let routed = try test.route(body, scratch: &scratch).get()
    routed.flight?.ended(isComplete: true, now: test.time(1002))
    #expect(try test.route(body, headers: wish, scratch: &scratch).get().destination == routed.destination)
  }

  @Test(
    arguments: [
      (["if-available"], true), (["IF-Available; wait=1"], true), (["a", "b=if-available, if-available=x"], true),
      (["if-available-later"], false), (["wait=if-available"], false), ([""], false), ([], false),
    ] as [([String], Bool)])
  func preferencesAreNamesInAList(values: [String], isThere: Bool) {
    let headers = RequestHeaders(values.map { .init(name: "prefer", value: $0) })
    #expect(Preferences.contain(Preferences.ifAvailable, headers) == isThere)
  }
}
