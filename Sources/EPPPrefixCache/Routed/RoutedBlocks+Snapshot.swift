extension RoutedBlocks {
  /// Copies everything that it takes to go on from here.
  func copy(into snapshot: inout RoutedSnapshot) {
    snapshot.entries.removeAll(keepingCapacity: true)
    // Not assigned: the next change would then copy them.
    snapshot.entries.append(contentsOf: entries)
    snapshot.blockCount = count
    snapshot.oldest = oldest
    snapshot.newest = newest
    snapshot.uses = uses
  }

  /// Blocks out of a snapshot, with arrays that have room for no more.
  init(restoring snapshot: RoutedSnapshot) {
    entries = snapshot.entries
    count = snapshot.blockCount
    oldest = snapshot.oldest
    newest = snapshot.newest
    uses = snapshot.uses
    reallocate(blocks: count)
  }
}
