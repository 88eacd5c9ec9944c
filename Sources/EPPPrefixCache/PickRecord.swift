package import EPPCore

/// What one pick has entered into the index, so that it can be taken back when nothing came of it, or moved when another
/// endpoint served.
package struct PickRecord: Sendable {
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
  /// The first prompt's, which for nearly all requests is the only one, stands alone so that nothing is allocated.
  private(set) var first: Tail?
  private(set) var others: [Tail] = []

  init(slot: EndpointSlot) { self.slot = slot }

  /// Blocks that were new to the endpoint.
  package var newBlocks: Int { others.reduce(first?.newBlocks ?? 0) { $0 + $1.newBlocks } }

  mutating func append(_ tail: Tail) {
    if first == nil { first = tail } else { others.append(tail) }
  }

  func forEachTail(_ body: (Tail) -> Void) {
    if let first { body(first) }
    for tail in others { body(tail) }
  }
}
