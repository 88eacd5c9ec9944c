package import EPPCore
import Synchronization

/// What one pick has added to the index, so that it can be removed when the request fails, or moved when another endpoint
/// serves it. Filled when the pick is entered, which may be after it was made. Any thread may use it.
package final class PickRecord: Sendable {
  /// The end of one prompt in the index.
  struct Tail: Sendable {
    /// The key of the prompt's last block that is held.
    var lastKey: BlockKey
    /// Blocks up to the last one that the pick has added.
    var newBlocks: Int
    /// The number of the use in the endpoint's table: a later use of these blocks keeps them.
    var use: UInt32
  }

  /// The endpoint that the entries belong to.
  package let slot: EndpointSlot
  private let tails = Mutex<[(tail: Tail, kind: IndexWriter.TableKind)]>([])

  init(slot: EndpointSlot) { self.slot = slot }

  /// The numbers of the pick's speculative uses.
  var speculativeUses: [UInt32] {
    tails.withLock { $0.filter { $0.kind == .speculative }.map(\.tail.use) }
  }

  /// Adds the end of one prompt.
  func append(_ tail: Tail, in kind: IndexWriter.TableKind) { tails.withLock { $0.append((tail, kind)) } }

  /// Removes and returns all ends: they are used once.
  func takeTails() -> [(tail: Tail, kind: IndexWriter.TableKind)] {
    tails.withLock { tails in
      let taken = tails
      tails = []
      return taken
    }
  }
}
