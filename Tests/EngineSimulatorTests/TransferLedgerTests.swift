import EPPCore
import EngineSimulator
import Testing

/// Blocks that are offered, those who wait for them, and the ends of leases, on a clock of the test.
@Suite struct TransferLedgerTests {
  private let blocks = PromptBlocks(hashes: [1, 2], tail: 3, tokens: 40)
  private let first = TransferLedger.FetchID(1)
  private let second = TransferLedger.FetchID(2)

  private func at(_ seconds: UInt64) -> MonotonicTime { MonotonicTime(nanoseconds: seconds * 1_000_000_000) }

  @Test func blocksAreSentOnceAndThenReleased() {
    var ledger = TransferLedger()
    #expect(ledger.offer("a", blocks, held: [7, 8], until: at(30)).isEmpty)
    #expect(ledger.fetch(first, "a", until: nil) == [.send(first, blocks)])
    // They are under way.
    #expect(ledger.fetch(second, "a", until: at(9)) == [.refuse(second, .unknown)])
    #expect(ledger.completed(first) == [.release([7, 8])])
    #expect(ledger.fetch(second, "a", until: nil) == [.refuse(second, .unknown)])
    #expect((ledger.sent, ledger.refused, ledger.offered) == (1, 2, 0))
  }

  @Test func aNameThatNobodyOffersIsUnknown() {
    var ledger = TransferLedger()
    #expect(ledger.fetch(first, "a", until: nil) == [.refuse(first, .unknown)])
    #expect(ledger.nextDeadline == nil)
  }

  @Test func whoComesFirstWaitsForTheBlocks() {
    var ledger = TransferLedger()
    #expect(ledger.fetch(first, "a", until: at(5)).isEmpty)
    #expect(ledger.nextDeadline == at(5))
    #expect(ledger.advance(to: at(4)).isEmpty)
    #expect(ledger.offer("a", blocks, held: [7], until: at(30)) == [.send(first, blocks)])
    // A lease does not end while the blocks are under way.
    #expect(ledger.nextDeadline == nil)
    #expect(ledger.advance(to: at(60)).isEmpty)
    #expect(ledger.completed(first) == [.release([7])])
  }

  @Test func waitingEndsAtItsDeadline() {
    var ledger = TransferLedger()
    _ = ledger.fetch(first, "a", until: at(5))
    #expect(ledger.advance(to: at(5)) == [.refuse(first, .late)])
    #expect(ledger.waiting == 0)
    #expect(ledger.offer("a", blocks, held: [7], until: at(30)).isEmpty)
  }

  @Test func waitingEndsWithTheRequestThatWasToComputeTheBlocks() {
    var ledger = TransferLedger()
    _ = ledger.fetch(first, "a", until: at(5))
    _ = ledger.fetch(second, "b", until: at(5))
    #expect(ledger.abandon("a") == [.refuse(first, .abandoned)])
    #expect(ledger.waiting == 1)
  }

  @Test func aLeaseEnds() {
    var ledger = TransferLedger()
    _ = ledger.offer("a", blocks, held: [7], until: at(30))
    _ = ledger.offer("b", blocks, held: [8], until: at(40))
    #expect(ledger.nextDeadline == at(30))
    #expect(ledger.advance(to: at(30)) == [.release([7])])
    #expect((ledger.expired, ledger.offered) == (1, 1))
    #expect(ledger.fetch(first, "a", until: nil) == [.refuse(first, .unknown)])
  }

  @Test func aReceiverThatGoesLeavesTheBlocksForAnother() {
    var ledger = TransferLedger()
    _ = ledger.offer("a", blocks, held: [7], until: at(30))
    _ = ledger.fetch(first, "a", until: nil)
    ledger.interrupted(first)
    #expect(ledger.completed(first).isEmpty)
    #expect(ledger.fetch(second, "a", until: nil) == [.send(second, blocks)])
    ledger.interrupted(second)
    #expect(ledger.advance(to: at(30)) == [.release([7])])
  }

  @Test func aNameThatIsOfferedAgainReleasesTheOldBlocks() {
    var ledger = TransferLedger()
    _ = ledger.offer("a", blocks, held: [7], until: at(30))
    #expect(ledger.offer("a", blocks, held: [8], until: at(30)) == [.release([7])])
    #expect(ledger.offered == 1)
  }

  @Test func blocksAreComparedUpToTheFirstThatDiffers() {
    #expect(blocks.tokens(in: blocks, blockTokens: 16) == 40)
    #expect(blocks.tokens(in: PromptBlocks(hashes: [1, 2], tail: 4, tokens: 40), blockTokens: 16) == 32)
    #expect(blocks.tokens(in: PromptBlocks(hashes: [1, 4], tokens: 32), blockTokens: 16) == 16)
    #expect(blocks.tokens(in: PromptBlocks(hashes: [], tokens: 0), blockTokens: 16) == 0)
  }

  @Test func blocksAreWrittenAndRead() throws {
    for blocks in [blocks, PromptBlocks(hashes: [], tokens: 0), PromptBlocks(hashes: [1], tokens: 16)] {
      #expect(PromptBlocks(try JSONNode(Array(blocks.json.utf8))) == blocks)
    }
    for wrong in ["{}", "[]", #"{"hashes":["12"],"tokens":16}"#, #"{"hashes":[1],"tokens":16}"#, #"{"hashes":[]}"#] {
      #expect(PromptBlocks(try JSONNode(Array(wrong.utf8))) == nil)
    }
  }
}
