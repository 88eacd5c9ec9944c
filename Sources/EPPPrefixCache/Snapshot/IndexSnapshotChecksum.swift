/// Finds damage in a snapshot: a running value over words.
///
/// Each step is a bijection of the word, and of the value before, so damage within one word is found for certain; other
/// damage slips through once in 2^64. No protection from somebody who writes such files on purpose.
package struct IndexSnapshotChecksum: Sendable {
  /// The checksum of the words so far.
  package private(set) var value: UInt64

  /// - Parameter start: what the words have to do with: another start gives another checksum.
  package init(start: UInt64) { value = start ^ 0xD1B5_4A32_D192_ED03 }

  /// Two products a word: with one, a change of a word's top bit would be undone by a known change of the next word.
  @inline(__always)
  package mutating func add(_ word: UInt64) {
    var mixed = (value ^ word) &* 0x9E37_79B9_7F4A_7C15
    mixed ^= mixed >> 32
    mixed = mixed &* 0xD6E8_FEB8_6659_FD93
    value = mixed ^ mixed >> 29
  }
}
