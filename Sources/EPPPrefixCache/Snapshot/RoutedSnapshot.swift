/// What was sent to one endpoint, in the order of use, as of one moment: a copy that nothing else changes.
///
/// One that is used again keeps its storage.
package struct RoutedSnapshot: Sendable {
  /// Tokens that the endpoint's cache was taken to hold.
  package internal(set) var capacityTokens = 0
  /// Blocks that it is taken to hold.
  package internal(set) var blockCount = 0

  /// Entries by number, free ones included; tables and lists as `RoutedBlocks` has them.
  var entries: [RoutedBlocks.Entry] = []
  var oldest = RoutedBlocks.none
  var newest = RoutedBlocks.none
  var uses: UInt32 = 0

  /// One without blocks.
  package init() {}

  /// Makes room for so many entries, and a few more, in memory that the system has given already, as in
  /// `AnnouncedSnapshot`.
  mutating func reserve(_ count: Int) {
    guard entries.capacity < count else { return }
    let blank = RoutedBlocks.Entry(
      key: BlockKey(rawValue: 0), parent: RoutedBlocks.none, children: RoutedBlocks.free,
      previous: RoutedBlocks.unlinked, next: RoutedBlocks.none, use: 0)
    entries = []
    entries = Array(repeating: blank, count: count + count / 8)
    entries.removeAll(keepingCapacity: true)
  }

  /// Bytes that it takes in memory.
  package var sizeInBytes: Int {
    MemoryLayout<Self>.size + entries.capacity * MemoryLayout<RoutedBlocks.Entry>.stride
  }
}
