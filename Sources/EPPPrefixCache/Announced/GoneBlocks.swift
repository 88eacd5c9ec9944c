/// Blocks that an engine has removed while stores wait for unknown parents: those parents and what is before them were
/// there when the stores were announced, and still are, but for these.
struct GoneBlocks {
  /// Beyond that, nothing can be said of unknown blocks.
  static let capacity = 16_384

  private var hashes: Set<UInt64> = []
  private(set) var isFull = false

  /// Bytes in memory, or a few more.
  var sizeInBytes: Int { 16 * hashes.capacity }

  mutating func insert(_ hash: UInt64) {
    guard !isFull else { return }
    hashes.insert(hash)
    if hashes.count > Self.capacity {
      isFull = true
      hashes = []
    }
  }

  /// They are there again.
  mutating func remove(_ stored: ArraySlice<UInt64>) {
    guard !hashes.isEmpty else { return }
    for hash in stored { hashes.remove(hash) }
  }

  func contains(_ hash: UInt64) -> Bool { hashes.contains(hash) }

  mutating func removeAll() {
    guard isFull || !hashes.isEmpty else { return }
    self = GoneBlocks()
  }

  /// Forgets all unknown blocks, as after a restart of the picker.
  mutating func forget() { isFull = true }
}
