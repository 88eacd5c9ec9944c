import EPPCore

/// `destination-endpoint-served-verifier`: names the endpoint that the gateway says has served a request in the header
/// `x-conformance-test-served-endpoint` of the answer, for the conformance tests of gateways. It shows addresses to clients, so it
/// is for tests only.
package struct ServedEndpointVerifier: RequestObserver {
  /// The response header.
  static let header = "x-conformance-test-served-endpoint"
  /// The header's value when the gateway does not name the endpoint, as llm-d writes it.
  static let missing = "fail: missing destination endpoint served metadata"

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "destination-endpoint-served-verifier",
    "Names the endpoint that has served in a header of the answer, for conformance tests of gateways",
    parts: [.observer { _, _ in ServedEndpointVerifier() }])

  package func picked(_ pick: borrowing PickedRequest, _ effects: inout PickEffects) {
    effects.followers.append(ServedEndpointReport())
  }
}

/// Reports who has served one request.
private final class ServedEndpointReport: RequestFollower {
  func responseStarted(_ answer: inout AnswerStart) {
    answer.headers.append(
      RequestHeaders.Field(
        name: ServedEndpointVerifier.header, value: answer.servedAddress ?? ServedEndpointVerifier.missing))
  }
}
