/// A running checksum over the words of a snapshot, to detect damage.
///
/// Each step is a bijection of the word and of the previous value, so damage within one word is always detected; other damage
/// is missed with a probability of 2^-64. No protection against deliberate forgery.
package struct IndexSnapshotChecksum: Sendable {
  /// The checksum of the words so far.
  package private(set) var value: UInt64

  /// - Parameter start: the context of the words; another start gives another checksum.
  package init(start: UInt64) { value = start ^ 0xD1B5_4A32_D192_ED03 }

  /// Adds a word. Two products a word: with one, a change of a word's top bit would be undone by a known change of the next
  /// word.
  @inline(__always)
  package mutating func add(_ word: UInt64) {
    var mixed = (value ^ word) &* 0x9E37_79B9_7F4A_7C15
    mixed ^= mixed >> 32
    mixed = mixed &* 0xD6E8_FEB8_6659_FD93
    value = mixed ^ mixed >> 29
  }
}
