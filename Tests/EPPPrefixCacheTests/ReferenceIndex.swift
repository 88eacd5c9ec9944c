/// What `PrefixIndex` has to do for one endpoint, in the plainest form: a set of prefixes, and for each the uses that
/// went through it. Slow, and obviously right.
struct ReferenceIndex {
  /// A prefix, as the names of its blocks.
  typealias Prefix = [Int]

  /// When each held prefix was last part of a use.
  private(set) var lastUse: [Prefix: Int] = [:]
  private var uses = 0
  var capacity: Int {
    didSet { evict(to: capacity, sparing: []) }
  }

  var count: Int { lastUse.count }

  init(capacity: Int) { self.capacity = capacity }

  func depth(_ prompt: [Int]) -> Int {
    var depth = 0
    while depth < prompt.count, lastUse[Array(prompt[...depth])] != nil { depth += 1 }
    return depth
  }

  /// Returns the prefixes that were new.
  mutating func record(_ prompt: [Int]) -> [Prefix] {
    uses += 1
    let held = depth(prompt)
    let end = max(held, min(prompt.count, capacity))
    let path = (0..<end).map { Array(prompt[...$0]) }
    evict(to: capacity - (end - held), sparing: Set(path))
    let new = path.filter { lastUse[$0] == nil }
    for prefix in path { lastUse[prefix] = uses }
    return new
  }

  /// Records a prompt and takes it back; returns how many prefixes were new. A prompt that was held whole has been used,
  /// and stays so.
  mutating func recordAndForget(_ prompt: [Int]) -> Int {
    let before = lastUse
    let new = record(prompt)
    guard !new.isEmpty else { return 0 }
    for prefix in new { lastUse[prefix] = nil }
    for prefix in lastUse.keys { lastUse[prefix] = before[prefix] }
    return new.count
  }

  /// The least recently used goes, of equally old ones the longest.
  private mutating func evict(to room: Int, sparing path: Set<Prefix>) {
    while lastUse.count > room {
      let victim = lastUse.filter { !path.contains($0.key) }
        .min { ($0.value, -$0.key.count) < ($1.value, -$1.key.count) }
      guard let victim else { return }
      lastUse[victim.key] = nil
    }
  }

  /// Whether every prefix of a held prefix is held.
  var isClosed: Bool { lastUse.keys.allSatisfy { $0.count == 1 || lastUse[Array($0.dropLast())] != nil } }
}
