/// Why a snapshot, or one section of it, cannot be used.
package enum IndexSnapshotError: Error, Equatable, CustomStringConvertible {
  case notASnapshot
  /// Another version of the format.
  case version(UInt32)
  case damagedHeader
  /// The hash secret is another one.
  case otherSecret
  /// Keys are made from blocks in another way.
  case otherKeys
  /// Blocks of text have so many tokens there.
  case otherTextBlocks(there: UInt32, here: UInt32)
  /// The file ends after so many bytes, and should not.
  case cutOff(after: Int)
  /// What says how long the section at this byte is.
  case damagedSectionHeader(at: Int)
  /// Of the section of this endpoint; further sections can be read.
  case wrongChecksum(identity: [UInt8])
  /// The section of this endpoint contradicts itself; further sections can be read.
  case contradiction(identity: [UInt8])
  /// The end does not count what stands before it.
  case wrongCounts
  /// Bytes behind the end.
  case trailing(bytes: Int)

  /// Whether it is about one section only, so that those behind it can be read.
  package var concernsOneSection: Bool {
    switch self {
    case .wrongChecksum, .contradiction: true
    default: false
    }
  }

  package var description: String {
    switch self {
    case .notASnapshot: "it is no snapshot of an index"
    case .version(let version):
      "it has version \(version) of the format; this program reads \(IndexSnapshotFormat.version)"
    case .damagedHeader: "the checksum of its header is wrong"
    case .otherSecret: "it was written with another hash secret"
    case .otherKeys: "it was written by another version of this program, which makes block keys in another way"
    case .otherTextBlocks(let there, let here):
      "it was written with blocks of \(there) tokens of text; this program is set to \(here)"
    case .cutOff(let bytes): "it is cut off after \(Self.grouped(bytes)) bytes"
    case .damagedSectionHeader(let offset): "the section at byte \(Self.grouped(offset)) is damaged"
    case .wrongChecksum(let identity): "the checksum of the section of \(Self.text(identity)) is wrong"
    case .contradiction(let identity): "the section of \(Self.text(identity)) contradicts itself"
    case .wrongCounts: "its end does not count the sections before it"
    case .trailing(let bytes): "\(Self.grouped(bytes)) bytes follow its end"
    }
  }

  private static func grouped(_ number: Int) -> String {
    let digits = String(number)
    var text = ""
    for (position, digit) in digits.enumerated() {
      if position > 0, (digits.count - position) % 3 == 0 { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// An identity as text for a log, whatever bytes it has.
  private static func text(_ identity: [UInt8]) -> String {
    guard !identity.isEmpty else { return "the pool" }
    let shown = identity.prefix(128).map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }
    return String(decoding: shown, as: UTF8.self) + (identity.count > 128 ? "..." : "")
  }
}

/// Why a section was not restored.
package enum IndexRestoreError: Error, Equatable, CustomStringConvertible {
  /// The engine's events, or picks, have been entered for the slot already: they are newer.
  case occupied
  /// The endpoint has left the pool.
  case departed
  /// The index has no name left for another cache.
  case full
  /// The section's blocks cannot be what a cache was like.
  case contradiction

  package var description: String {
    switch self {
    case .occupied: "newer entries for the endpoint are there already"
    case .departed: "the endpoint has left the pool"
    case .full: "the index is full"
    case .contradiction: "the section contradicts itself"
    }
  }
}
