/// The prefix cache of a simulated engine. Room for what a prompt lacks is made by dropping what was released longest ago;
/// a request releases the end of its prompt before the beginning, so a block never outlives the one before it.
struct EngineCache<Block: Hashable> {
  /// Blocks that it has room for.
  let capacity: Int
  /// When each block was released; `inUse` while a request has it.
  private var releases: [Block: Int] = [:]
  /// In the order of release, with entries that a later use has made void.
  private var queue: [(block: Block, release: Int)] = []
  private var head = 0
  private var clock = 0
  private static var inUse: Int { .max }

  init(capacity: Int) { self.capacity = capacity }

  var count: Int { releases.count }

  /// Blocks of the prompt that are held, from the first on.
  func depth(_ prompt: some Collection<Block>) -> Int {
    prompt.prefix { releases[$0] != nil }.count
  }

  /// Serves a prompt: afterwards its first `capacity` blocks are held.
  ///
  /// - Returns: how many of them were there before, and what was dropped for the others.
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
