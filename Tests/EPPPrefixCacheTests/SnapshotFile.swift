import EPPCore
import EPPPrefixCache

/// Snapshots as bytes in memory.
enum SnapshotFile {
  static let keySpace = IndexSnapshotKeySpace(seed: HashSeed(first: 11, second: 12), textBlockTokens: 16)

  static func identity(_ endpoint: Int) -> [UInt8] { Array("10.0.0.\(endpoint):8000".utf8) }

  /// What the index knows of these slots, which are numbered as their endpoints are.
  static func bytes(
    of index: PrefixIndex, _ slots: [EndpointSlot], keySpace: IndexSnapshotKeySpace = keySpace
  ) -> [UInt8] {
    var file: [UInt8] = []
    func write(_ bytes: RawSpan) { for offset in 0..<bytes.byteCount { file.append(bytes.byte(offset)) } }
    var encoder = IndexSnapshotEncoder(keySpace: keySpace, writtenAt: 1_800_000_000.5)
    encoder.append(index.currentAnnouncements(), to: write)
    var (announced, routed) = (AnnouncedSnapshot(), RoutedSnapshot())
    for (number, slot) in slots.enumerated() {
      for rank in index.announcedRanks(of: slot) where index.copyAnnounced(of: slot, rank: rank, into: &announced) {
        encoder.append(announced, of: identity(number), to: write)
      }
      if index.copyRouted(of: slot, into: &routed) { encoder.append(routed, of: identity(number), to: write) }
    }
    encoder.finish(to: write)
    return file
  }

  struct Reading {
    var sections: [IndexSnapshotDecoder.Section] = []
    var errors: [IndexSnapshotError] = []
    /// Whether the end was read, and counts what stands before it.
    var isComplete: Bool { errors.allSatisfy(\.concernsOneSection) }
  }

  /// Reads all that can be read.
  static func read(_ file: [UInt8], keySpace: IndexSnapshotKeySpace = keySpace) -> Reading {
    var decoder = IndexSnapshotDecoder(keySpace: keySpace, byteCount: file.count)
    var reading = Reading()
    var offset = 0
    while let count = decoder.wantedBytes {
      let part = Array(file[offset..<offset + count])
      offset += count
      do throws(IndexSnapshotError) {
        if let section = try unsafe decoder.read(part.span.bytes) { reading.sections.append(section) }
      } catch {
        reading.errors.append(error)
      }
    }
    return reading
  }

  /// Restores what was read to the slots of its endpoints.
  static func restore(
    _ sections: [IndexSnapshotDecoder.Section], to index: PrefixIndex, _ slots: [EndpointSlot]
  ) throws(IndexRestoreError) {
    for section in sections {
      switch section {
      case .pool(let announcements): index.restore(announcements)
      case .announced(let snapshot, let identity):
        if let slot = slot(identity, slots) { try index.restore(snapshot, to: slot) }
      case .routed(let snapshot, let identity):
        if let slot = slot(identity, slots) { try index.restore(snapshot, to: slot) }
      }
    }
  }

  private static func slot(_ identity: [UInt8], _ slots: [EndpointSlot]) -> EndpointSlot? {
    slots.indices.first { self.identity($0) == identity }.map { slots[$0] }
  }
}

extension RawSpan {
  fileprivate func byte(_ offset: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
