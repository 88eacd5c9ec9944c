/// The prefix cache of a simulated engine. The blocks that were released first are evicted first. A request releases the end of
/// its prompt before the beginning, so a block is evicted before the block before it.
struct EngineCache<Block: Hashable> {
  /// Number of blocks of the cache.
  let capacity: Int
  /// When each block was released; `inUse` while a request uses it.
  private var releases: [Block: Int] = [:]
  /// Blocks in the order of release, including entries that a later use has invalidated.
  private var queue: [(block: Block, release: Int)] = []
  private var head = 0
  private var clock = 0
  private static var inUse: Int { .max }

  init(capacity: Int) { self.capacity = capacity }

  /// Number of blocks in the cache.
  var count: Int { releases.count }

  /// Returns the number of leading blocks of a prompt that are in the cache.
  func depth(_ prompt: some Collection<Block>) -> Int {
    prompt.prefix { releases[$0] != nil }.count
  }

  /// Serves a prompt: afterwards its first `capacity` blocks are in the cache.
  ///
  /// - Returns: The number of leading blocks that were in the cache before, and the evicted blocks.
  mutating func serve(_ prompt: [Block]) -> (held: Int, dropped: [Block]) {
    let prompt = prompt.prefix(capacity)
    let held = depth(prompt)
    for block in prompt.prefix(held) { releases[block] = Self.inUse }
    var dropped: [Block] = []
    while releases.count + prompt.count - held > capacity, head < queue.count {
      let oldest = queue[head]
      head += 1
      guard releases[oldest.block] == oldest.release else { continue }
      releases[oldest.block] = nil
      dropped.append(oldest.block)
    }
    for block in prompt.reversed() {
      clock += 1
      releases[block] = clock
      queue.append((block, clock))
    }
    compact()
    return (held, dropped)
  }

  private mutating func compact() {
    guard queue.count > 4 * capacity else { return }
    queue = queue[head...].filter { releases[$0.block] == $0.release }
    head = 0
  }
}
