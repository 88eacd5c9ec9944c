/// Why a snapshot, or one section of it, cannot be used.
package enum IndexSnapshotError: Error, Equatable, CustomStringConvertible {
  case notASnapshot
  /// The format has another version.
  case version(UInt32)
  case damagedHeader
  /// It was written with another hash secret.
  case otherSecret
  /// It was written by a program that computes block keys in another way.
  case otherKeys
  /// Blocks of text have another number of tokens.
  case otherTextBlocks(there: UInt32, here: UInt32)
  /// The file ends too early, after this many bytes.
  case cutOff(after: Int)
  /// The checksum or the kind in the section header at this byte is wrong.
  case damagedSectionHeader(at: Int)
  /// The checksum of this endpoint's section is wrong; further sections can be read.
  case wrongChecksum(identity: [UInt8])
  /// The section of this endpoint contradicts itself; further sections can be read.
  case contradiction(identity: [UInt8])
  /// The counts in the end section are wrong.
  case wrongCounts
  /// Bytes follow the end section.
  case trailing(bytes: Int)

  /// Whether the error concerns one section only, so that those after it can be read.
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

  /// An identity as text for the log, whatever bytes it has.
  private static func text(_ identity: [UInt8]) -> String {
    guard !identity.isEmpty else { return "the pool" }
    let shown = identity.prefix(128).map { (0x20..<0x7F).contains($0) ? $0 : UInt8(ascii: "?") }
    return String(decoding: shown, as: UTF8.self) + (identity.count > 128 ? "..." : "")
  }
}

/// Why a section was not restored.
package enum IndexRestoreError: Error, Equatable, CustomStringConvertible {
  /// Newer events or picks have already been entered for the slot.
  case occupied
  /// The endpoint has left the pool.
  case departed
  /// The index has no holder left.
  case full
  /// The blocks of the section contradict each other.
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
