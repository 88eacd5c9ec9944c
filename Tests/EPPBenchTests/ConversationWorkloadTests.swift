import Testing

@testable import epp_bench

@Suite struct ConversationWorkloadTests {
  private static func workload(seed: UInt64 = 7) -> ConversationWorkload {
    ConversationWorkload(
      settings: ConversationWorkload.Settings(
        conversations: 6, turns: 3, groups: 2, sharedPrefixTokens: 50, userTokens: 20, maxTokens: 8, seed: seed,
        model: "m"))
  }

  @Test func everyConversationHasAllItsTurns() throws {
    var workload = Self.workload()
    var turns: [Int: Int] = [:]
    var requests = 0
    while let (conversation, messages) = workload.next() {
      requests += 1
      turns[conversation, default: 0] += 1
      let turn = try #require(turns[conversation])
      // A system prompt, then question and answer by turns, a question last.
      #expect(messages.count == 2 * turn)
      #expect(messages[0].role == "system")
      #expect(messages[0].content.utf8.count == 200)
      #expect(messages.last?.role == "user")
      #expect(messages.last?.content.utf8.count == 80)
      // Nobody has a third turn before all have had a first.
      if turn == 3 { #expect(turns.count == 6) }
      workload.answered(conversation, with: "answer \(turn)")
    }
    #expect(requests == workload.requestCount)
    #expect(turns == Dictionary(uniqueKeysWithValues: (0..<6).map { ($0, 3) }))
  }

  @Test func groupsShareTheirBeginningAndNothingElse() {
    var workload = Self.workload()
    var systemPrompts: [Int: String] = [:]
    while let (conversation, messages) = workload.next() { systemPrompts[conversation] = messages[0].content }
    #expect(systemPrompts[0] == systemPrompts[2])
    #expect(systemPrompts[0] != systemPrompts[1])
    #expect(systemPrompts[0]?.prefix(16) != systemPrompts[1]?.prefix(16))
  }

  @Test func aSeedIsAWorkload() {
    func first(_ seed: UInt64) -> [String]? {
      var workload = Self.workload(seed: seed)
      return workload.next()?.messages.map(\.content)
    }
    #expect(first(1) == first(1))
    #expect(first(1) != first(2))
  }

  @Test func theWorkingSetIsPrefixesAndTurns() { #expect(Self.workload().workingSetTokens == 2 * 50 + 6 * 3 * 28) }
}
