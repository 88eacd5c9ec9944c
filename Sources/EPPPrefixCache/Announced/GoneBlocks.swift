/// Hashes of blocks that an engine has removed while stores wait for unknown parents. The parents and the blocks before them
/// existed when the stores were announced, and still do unless they are in this set.
struct GoneBlocks {
  /// The largest number of hashes. Beyond it, nothing is known of unknown blocks.
  static let capacity = 16_384

  private var hashes: Set<UInt64> = []
  /// Whether more hashes were removed than can be kept, so that any unknown block may be gone.
  private(set) var isFull = false

  /// An upper estimate of its memory in bytes.
  var sizeInBytes: Int { 16 * hashes.capacity }

  mutating func insert(_ hash: UInt64) {
    guard !isFull else { return }
    hashes.insert(hash)
    if hashes.count > Self.capacity {
      isFull = true
      hashes = []
    }
  }

  /// Takes out blocks that are stored again.
  mutating func remove(_ stored: ArraySlice<UInt64>) {
    guard !hashes.isEmpty else { return }
    for hash in stored { hashes.remove(hash) }
  }

  func contains(_ hash: UInt64) -> Bool { hashes.contains(hash) }

  mutating func removeAll() {
    guard isFull || !hashes.isEmpty else { return }
    self = GoneBlocks()
  }

  /// Counts all unknown blocks as possibly gone, as after a restart of the picker.
  mutating func forget() { isFull = true }
}
