import Testing

@testable import EPPTokens

@Suite struct TokenIDReaderTests {
  private func read(_ text: String, atMost maximum: Int = 100) throws -> [UInt32] {
    unsafe try TokenIDReader.read(Array(text.utf8).span.bytes, atMost: maximum)
  }

  @Test func moreIDsThanThereCanBeAreNone() throws {
    #expect(try read("[{\"token_ids\": [1, 2, 3]}]", atMost: 3) == [1, 2, 3])
    #expect(throws: TokenIDReader.Failure.unreadable) { try read("[{\"token_ids\": [1, 2, 3]}]", atMost: 2) }
  }

  @Test func allFormsOfAnswersAreRead() throws {
    #expect(try read(#"{"request_id": "a", "token_ids": [1, 2, 4294967295], "model": null}"#) == [1, 2, 4_294_967_295])
    #expect(try read(#"[{"request_id": "a", "token_ids": [7], "tokens": [8]}]"#) == [7])
    #expect(try read(#"{"count": 2, "max_model_len": 10, "tokens": [5, 6]}"#) == [5, 6])
    #expect(try read(#"{"token_ids": []}"#) == [])
  }

  @Test(arguments: [
    "", "{}", "[]", "null", "[1]", #"{"token_ids": "a"}"#, #"{"token_ids": [1, -2]}"#, #"{"token_ids": [1.5]}"#,
    #"{"token_ids": [4294967296]}"#, #"{"token_ids": [1"#, #"{"token_ids": [1]"#, #"[{"token_ids": [1]}"#,
    #"{"token_ids": [null]}"#, #"{"error": {"message": "no"}}"#,
  ])
  func whatHasNoTokensIsRefused(_ text: String) {
    #expect(throws: TokenIDReader.Failure.unreadable) { try read(text) }
  }

  @Test(arguments: [
    #"[{"token_ids": [7]}, {"token_ids": [8]}]"#, #"[{"token_ids": []}, {"token_ids": [8]}]"#,
    #"[{"token_ids": [7]}, {"#,
  ])
  func ofSeveralPromptsThereAreNoTokens(_ text: String) {
    #expect(throws: TokenIDReader.Failure.several) { try read(text) }
  }
}
