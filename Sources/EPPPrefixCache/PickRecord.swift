package import EPPCore

/// What a pick has entered into the index, so that it can be taken back or moved when another endpoint served.
package struct PickRecord: Sendable {
  /// The end of one prompt in the index.
  struct Tail: Sendable {
    var lastKey: UInt64
    var newBlocks: Int
  }

  package let slot: EndpointSlot
  let tails: [Tail]
}
