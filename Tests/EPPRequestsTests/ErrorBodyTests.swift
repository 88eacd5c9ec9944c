import EPPCore
import EPPRequests
import Foundation
import Testing

@Suite struct ErrorBodyTests {
  @Test func aBodyHasOpenAIsForm() {
    let body = ErrorBody.json(for: Rejection(.badRequest, "'model' is \"missing\"", field: "model"))
    #expect(
      String(decoding: body, as: UTF8.self)
        == #"{"error":{"message":"'model' is \"missing\"","type":"invalid_request_error","param":"model","code":400}}"#)
  }

  @Test(arguments: [
    (Rejection.Status.badRequest, "invalid_request_error"), (.contentTooLarge, "invalid_request_error"),
    (.tooManyRequests, "rate_limit_error"), (.internalError, "internal_server_error"),
    (.serviceUnavailable, "service_unavailable_error"),
  ])
  func theTypeFollowsTheStatus(_ status: Rejection.Status, _ type: String) throws {
    let message = "a \"b\" \\ c\n\t\u{0}\u{1F} é 😀"
    let body = ErrorBody.json(for: Rejection(status, message))
    let object = try #require(JSONSerialization.jsonObject(with: Data(body)) as? [String: [String: Any]])
    let error = try #require(object["error"])
    #expect(error["message"] as? String == message)
    #expect(error["type"] as? String == type)
    #expect(error["param"] is NSNull)
    #expect(error["code"] as? Int == status.rawValue)
    #expect(error.count == 4)
    #expect(cursorError(body) == nil)
  }
}
