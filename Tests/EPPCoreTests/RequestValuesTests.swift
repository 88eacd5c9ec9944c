import EPPCore
import Testing

/// The small values that go with a request.
@Suite struct RequestValuesTests {
  @Test func headersKeepTheirOrderAndTheirDuplicates() {
    var headers = RequestHeaders([RequestHeaders.Field(name: "a", value: "1")])
    headers.append(name: "b", value: "2")
    headers.append(name: "a", value: "3")
    #expect(headers.first("a") == "1")
    #expect(headers.first("c") == nil)
    #expect(headers.first("A") == nil)
    #expect(headers.fields.map(\.name) == ["a", "b", "a"])
    #expect(headers.fields.map(\.value) == ["1", "2", "3"])
  }

  @Test func theNewNameOfAHeaderGoesFirst() {
    var headers = RequestHeaders()
    headers.append(name: HeaderName.objectiveOld, value: "old")
    #expect(headers.first(HeaderName.objective, or: HeaderName.objectiveOld) == "old")
    headers.append(name: HeaderName.objective, value: "new")
    #expect(headers.first(HeaderName.objective, or: HeaderName.objectiveOld) == "new")
  }

  @Test func aPromptForgetsItsContentAndKeepsItsStorage() {
    var prompt = CanonicalPrompt()
    #expect(!prompt.isTokens)
    prompt.bytes = Array(repeating: 1, count: 1000)
    prompt.tokens = [1, 2]
    prompt.prompts = [0..<2]
    #expect(prompt.isTokens)
    let capacity = prompt.bytes.capacity
    prompt.removeAll()
    #expect(prompt.bytes.isEmpty && prompt.tokens.isEmpty && prompt.prompts.isEmpty)
    #expect(prompt.bytes.capacity == capacity)
  }

  @Test func theTargetIsTheModelUnlessItIsGiven() {
    #expect(InferenceRequest(api: .completions, model: "a").targetModel == "a")
    #expect(InferenceRequest(api: .completions, model: "a", targetModel: "b").targetModel == "b")
    #expect(InferenceRequest(api: .passthrough).model.isEmpty)
  }

  @Test func everyStatusHasItsCode() {
    #expect(Rejection.Status.allCases.map(\.rawValue) == [400, 412, 413, 429, 500, 503])
    #expect(Set(Rejection.Status.allCases.map(\.code)).count == 6)
    #expect(Rejection.Status.tooManyRequests.code == "ResourceExhausted")
    #expect(Rejection(.badRequest, "x").field == nil)
    #expect(Rejection(.serviceUnavailable, "x", reason: .noEndpoints).reason?.rawValue == "rejected-no-endpoints")
  }

  /// Clients must not set what the sidecar and the gateway act on; header names are compared in lower case.
  @Test func internalHeadersAreLowerCaseAndComplete() {
    let internalNames = Set(HeaderName.internalRequestHeaders)
    #expect(internalNames.count == HeaderName.internalRequestHeaders.count)
    #expect(internalNames.allSatisfy { $0 == $0.lowercased() && $0.hasPrefix("x-") })
    #expect(
      internalNames.isSuperset(of: [
        "x-gateway-destination-endpoint", "x-prefiller-host-port", "x-encoder-hosts-ports", "x-data-parallel-host-port",
      ]))
  }

  @Test func aContextHasNoSubsetUnlessItIsTold() {
    #expect(RequestContext(requestID: "r").subset == .absent)
    #expect(SubsetHint.only([]) != .absent)
  }

  @Test func laterEndpointsOfASlotDiffer() {
    #expect(EndpointSlot(index: 1, generation: 1) != EndpointSlot(index: 1, generation: 2))
    #expect(Set([EndpointSlot(index: 1, generation: 1), EndpointSlot(index: 1, generation: 1)]).count == 1)
    #expect(EndpointSlot.capacity == 1024)
  }

  @Test func aDecisionRecordHasDefaults() {
    let record = DecisionRecord(requestID: "r", outcome: .rejected(.serviceUnavailable))
    #expect(record.endpoint.isEmpty)
    #expect(record.outcome != .routed)
  }
}
