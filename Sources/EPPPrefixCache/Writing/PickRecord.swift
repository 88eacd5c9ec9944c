package import EPPCore
import Synchronization

/// What one pick has entered into the index, so that it can be taken back when nothing came of it, or moved when another
/// endpoint served. Filled in when the pick is entered, which may be a moment after it was made.
package final class PickRecord: Sendable {
  /// The end of one prompt in the index.
  struct Tail: Sendable {
    var lastKey: BlockKey
    /// Blocks up to the last one that were not there before.
    var newBlocks: Int
    /// The endpoint's count of uses when they were entered: a later use of the same blocks keeps them.
    var use: UInt32
  }

  /// The endpoint that the entries are of.
  package let slot: EndpointSlot
  private let tails = Mutex<[(tail: Tail, kind: IndexWriter.TableKind)]>([])

  init(slot: EndpointSlot) { self.slot = slot }

  /// The endpoint's speculative uses that the pick was.
  var speculativeUses: [UInt32] {
    tails.withLock { $0.filter { $0.kind == .speculative }.map(\.tail.use) }
  }

  func append(_ tail: Tail, in kind: IndexWriter.TableKind) { tails.withLock { $0.append((tail, kind)) } }

  /// Takes all ends: they are used once.
  func takeTails() -> [(tail: Tail, kind: IndexWriter.TableKind)] {
    tails.withLock { tails in
      let taken = tails
      tails = []
      return taken
    }
  }
}
