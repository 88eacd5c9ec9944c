import EPPCore

/// Which endpoints hold which blocks, as request threads read it: without locks, while one thread writes.
///
/// The parts are a hash table from blocks to sets of holders, an arena of those sets, and what each holder stands for.
final class BlockIndex: Sendable {
  let table: BlockTable
  let sets: HolderSets
  let epochs = EpochDomain()
  /// One word for each holder's number: its packed owner, 0 when it has none.
  private let owners: SharedWords

  /// An index that holds nothing. It begins with some hundred kilobytes of memory.
  ///
  /// - Returns: nil when the system has no memory for it.
  init?() {
    guard let table = BlockTable(), let sets = HolderSets(),
      let owners = SharedWords(size: SharedWords.Size(words: 1 << 16))
    else { return nil }
    self.table = table
    self.sets = sets
    self.owners = owners
  }

  deinit {
    table.deallocate()
    sets.deallocate()
    owners.deallocate()
  }

  /// What a holder stands for; nil for one that was given up.
  @inline(__always)
  func owner(of holder: Int) -> HolderOwner? { HolderOwner(packed: owners.load(holder)) }

  func setOwner(_ owner: HolderOwner?, of holder: Holder) { owners.store(owner?.packed ?? 0, at: holder.number) }
}
