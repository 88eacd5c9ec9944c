package import EPPCore
package import EPPPrefixCache

/// Writes a pool's prefix index to a file, and reads it back. Any thread may use it; `read` and `write` block on the file.
package struct IndexSnapshots: Sendable {
  /// What was read or written.
  package struct Summary: Sendable, Equatable {
    /// Data-parallel ranks with announced blocks; of a written file without the pending ones.
    package var endpoints = 0
    /// Blocks in all sections.
    package var blocks = 0
    /// The size of the file in bytes.
    package var bytes = 0
    /// The time of writing in seconds since 1970.
    package var writtenAt = 0.0
    /// Sections that could not be read, one sentence each.
    package var problems: [String] = []

    /// Whole seconds since the file was written; 0 when the file contains no valid time.
    package func age(at now: Double) -> Int { Int(exactly: (now - writtenAt).rounded()) ?? 0 }
  }

  /// Why a snapshot is not used, or could not be written.
  package struct Failure: Error, CustomStringConvertible {
    /// The reason, in one line.
    package let description: String
  }

  private let path: String
  private let index: PrefixIndex
  private let keySpace: IndexSnapshotKeySpace
  private let maximumBytes: Int

  /// - Parameters:
  ///   - path: the file.
  ///   - index: the index to copy and to restore.
  ///   - seed: the hash secret of the index; a file with another one is rejected.
  package init(path: String, index: PrefixIndex, seed: HashSeed) {
    self.path = path
    self.index = index
    keySpace = IndexSnapshotKeySpace(seed: seed, textBlockTokens: index.limits.textBlockTokens)
    maximumBytes = index.limits.maximumBytes
  }

  /// Reads the file: restores pool-wide facts to the index, and puts the sections of endpoints into `pending`, from which they
  /// are taken when the endpoints appear. The time grows with the size of the file.
  ///
  /// - Returns: nil when there is no file.
  /// - Throws: when the file cannot be read or used; `pending` is then empty.
  package func read(to pending: PendingSnapshots) throws(Failure) -> Summary? {
    var summary = Summary()
    do {
      guard let file = try SnapshotFile(reading: path) else { return nil }
      summary.bytes = try file.size()
      var decoder = IndexSnapshotDecoder(keySpace: keySpace, byteCount: summary.bytes)
      var bytes: [UInt8] = []
      while let wanted = decoder.wantedBytes {
        try file.read(wanted, into: &bytes)
        do {
          if let section = unsafe try decoder.read(bytes.span.bytes) { keep(section, pending, &summary) }
        } catch {
          guard error.concernsOneSection else { throw error }
          summary.problems.append("\(error)")
        }
        if pending.sizeInBytes > maximumBytes {
          summary.problems.append("the rest is left out: it takes more memory than --max-index-bytes")
          break
        }
      }
      summary.writtenAt = decoder.writtenAt
    } catch {
      pending.removeAll()
      throw Failure(description: "\(error)")
    }
    return summary
  }

  private func keep(_ section: IndexSnapshotDecoder.Section, _ pending: PendingSnapshots, _ summary: inout Summary) {
    switch section {
    case .pool(let announcements): index.restore(announcements)
    case .announced(let snapshot, let identity):
      // Without a position its stream cannot be gone on with.
      guard snapshot.position?.lastMark != nil else { return }
      summary.endpoints += 1
      summary.blocks += snapshot.blockCount
      pending.put(snapshot, of: identity)
    case .routed(let snapshot, let identity):
      summary.blocks += snapshot.blockCount
      pending.put(snapshot, of: identity)
    }
  }

  /// Writes the pending sections, because a process that ends soon after its start must not lose endpoints that it has not met,
  /// and then what is known of `endpoints`. Replaces an existing file when all is written.
  ///
  /// - Parameters:
  ///   - endpoints: the endpoints of the pool.
  ///   - pending: sections that were read and not taken yet.
  ///   - now: seconds since 1970.
  /// - Throws: when the file cannot be written; an existing file then stays.
  package func write(
    _ endpoints: [Endpoint], and pending: PendingSnapshots, now: Double
  ) throws(Failure) -> Summary {
    var summary = Summary()
    summary.writtenAt = now
    do {
      let file = try SnapshotFile(writing: path)
      var encoder = IndexSnapshotEncoder(keySpace: keySpace, writtenAt: now)
      try encoder.append(
        index.currentAnnouncements(), to: { (bytes) throws(SnapshotFile.Failure) in try file.write(bytes) })
      // First: what is taken meanwhile is in the file twice, and of two sections the later one counts.
      let waiting = pending.contents()
      for (identity, snapshot) in waiting.announced {
        summary.blocks += snapshot.blockCount
        try encoder.append(
          snapshot, of: identity, to: { (bytes) throws(SnapshotFile.Failure) in try file.write(bytes) })
      }
      for (identity, snapshot) in waiting.routed {
        summary.blocks += snapshot.blockCount
        try encoder.append(
          snapshot, of: identity, to: { (bytes) throws(SnapshotFile.Failure) in try file.write(bytes) })
      }
      var announced = AnnouncedSnapshot()
      var routed = RoutedSnapshot()
      for endpoint in endpoints {
        let identity = PendingSnapshots.identity(of: endpoint)
        for rank in index.announcedRanks(of: endpoint.slot) {
          guard index.copyAnnounced(of: endpoint.slot, rank: rank, into: &announced), announced.position != nil else {
            continue
          }
          summary.endpoints += 1
          summary.blocks += announced.blockCount
          try encoder.append(
            announced, of: identity, to: { (bytes) throws(SnapshotFile.Failure) in try file.write(bytes) })
        }
        if index.copyRouted(of: endpoint.slot, into: &routed) {
          summary.blocks += routed.blockCount
          try encoder.append(
            routed, of: identity, to: { (bytes) throws(SnapshotFile.Failure) in try file.write(bytes) })
        }
      }
      summary.bytes = encoder.byteCount
      try encoder.finish(to: { (bytes) throws(SnapshotFile.Failure) in try file.write(bytes) })
      try file.finish()
    } catch {
      throw Failure(description: "\(error)")
    }
    return summary
  }
}
