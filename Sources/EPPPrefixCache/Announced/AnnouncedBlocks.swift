/// The blocks that one engine has announced, by the engine's own hashes: their block keys, the number of copies on each tier,
/// and the number of child blocks.
///
/// Engines announce every physical copy and every eviction of one, so a block is present while copies are left. A block without
/// copies stays as an entry while it has children: the prefix then has a hole, which readers have to know.
///
/// Flat arrays: 20 bytes a block, about 7 for its place in the hash table, and a bit that says whether it is a leaf.
struct AnnouncedBlocks {
  /// The largest number of copies counted on one tier; further ones are ignored.
  static let maximumCopies: UInt32 = 15
  private static let tierBits: UInt32 = 4
  /// The largest number of entries.
  static let maximumCount = (1 << Entry.numberBits) - 2
  private static let numberMask: UInt32 = 1 << Entry.numberBits - 1
  private static let tombstone: UInt32 = numberMask

  /// All entries by number, free ones included.
  var entries: [Entry] = []
  /// The hash table, with open addressing: 8 bits of the hash and an entry's number plus 1; 0 is an empty place.
  var places: [UInt32] = []
  /// The number of the first free entry plus 1; 0 when there is none.
  var firstFree: UInt32 = 0
  /// The entries without children.
  var leaves = LeafSet()
  /// Places that are not empty, those of removed entries included.
  var usedPlaces = 0

  /// Entries in use, those without copies included.
  var count = 0
  /// The number of holes for each set of tiers.
  var holes = HoleCounts()

  /// An estimate of the memory of one block in bytes.
  static let bytesPerBlock = 32

  /// The memory of all arrays in bytes.
  var sizeInBytes: Int {
    entries.capacity * MemoryLayout<Entry>.stride + places.capacity * MemoryLayout<UInt32>.stride + leaves.sizeInBytes
  }

  // MARK: - Looking up

  /// The result of looking up a hash.
  enum Finding {
    /// The number of the block's entry.
    case known(Int)
    /// A free place for the block; nil when there is no table yet.
    case unknown(place: Int?)
  }

  /// The number of a block's entry; nil when the hash is not known.
  @inline(__always)
  func find(_ hash: UInt64) -> Int? {
    if case .known(let number) = look(for: hash) { number } else { nil }
  }

  /// Looks up a hash, and finds a free place for it when it is not known.
  @inline(__always)
  func look(for hash: UInt64) -> Finding {
    guard !places.isEmpty else { return .unknown(place: nil) }
    let name = hash & Entry.hashMask
    let mixed = Self.mix(hash)
    let tag = UInt32(truncatingIfNeeded: mixed) & ~Self.numberMask
    var place = Self.home(mixed, places.count)
    var free: Int?
    while true {
      let word = places[place]
      if word == 0 { return .unknown(place: free ?? place) }
      if word & Self.numberMask == Self.tombstone {
        if free == nil { free = place }
      } else if word & ~Self.numberMask == tag {
        let number = Int(word & Self.numberMask) - 1
        if entries[number].hash == name { return .known(number) }
      }
      place += 1
      if place == places.count { place = 0 }
    }
  }

  /// Whether an entry is not in use.
  func isFree(_ number: Int) -> Bool { entries[number].isFree }

  /// The block key of an entry.
  @inline(__always)
  func key(_ number: Int) -> BlockKey { entries[number].key }

  /// The number of copies of an entry on a tier.
  @inline(__always)
  func copies(_ number: Int, _ tier: StorageTier) -> UInt32 { entries[number].copies >> Self.shift(tier) & 15 }

  /// Prefetches the place of a hash.
  @inline(__always)
  func prefetchPlace(_ hash: UInt64) {
    guard !places.isEmpty else { return }
    places.span.prefetch(Self.home(Self.mix(hash), places.count))
  }

  /// Prefetches the entry of a hash, whose place has been prefetched before.
  @inline(__always)
  func prefetchEntry(_ hash: UInt64) {
    guard !places.isEmpty else { return }
    let number = places[Self.home(Self.mix(hash), places.count)] & Self.numberMask
    if number != 0, number != Self.tombstone { entries.span.prefetch(Int(number) - 1) }
  }

  /// The keys of all blocks with a copy on at least one of these tiers, unordered.
  func keys(on tiers: [StorageTier]) -> [BlockKey] {
    entries.filter { entry in
      !entry.isFree && tiers.contains { entry.copies >> Self.shift($0) & 15 > 0 }
    }.map(\.key)
  }

  // MARK: - Changing

  /// Adds a copy to an entry.
  mutating func addCopy(_ number: Int, _ tier: StorageTier) {
    let copies = copies(number, tier)
    guard copies < Self.maximumCopies else { return }
    let before = entries[number].copies
    entries[number].copies += 1 << Self.shift(tier)
    if copies == 0, hasChildren(number) { holes.move(from: before, to: entries[number].copies) }
  }

  /// Adds an unknown block with one copy.
  ///
  /// - Parameters:
  ///   - parent: the number of the block before it, for which `addChild` has been called already; nil for the first of a
  ///     prefix.
  ///   - place: the free place that `look` found, if nothing has changed since.
  /// - Returns: the number of its entry; nil when there is none left.
  mutating func insert(_ hash: UInt64, _ key: BlockKey, parent: Int?, _ tier: StorageTier, place: Int?) -> Int? {
    guard count < Self.maximumCount else { return nil }
    let number: Int
    let entry = Entry(
      hash: hash, key: key, parent: parent.map { UInt32($0 + 1) } ?? 0, copies: 1 << Self.shift(tier))
    if firstFree > 0 {
      number = Int(firstFree) - 1
      firstFree = entries[number].parent
      entries[number] = entry
    } else {
      number = entries.count
      growEntries()
      entries.append(entry)
    }
    if let place, !isCrowded {
      set(place, Self.mix(hash), number)
    } else {
      growPlaces(besides: number)
      self.place(hash, number)
    }
    leaves.insert(number)
    count += 1
    return number
  }

  /// Counts a child of an entry, which keeps the entry until `removeChild`.
  mutating func addChild(_ parent: Int) { changeChildren(of: parent, by: 1) }

  /// Takes back `addChild`, and removes the entry if it is empty.
  mutating func removeChild(_ parent: Int) {
    changeChildren(of: parent, by: -1)
    if entries[parent].isEmpty { discard(from: parent) }
  }

  /// The sets of tiers that a block has left with its removed copy.
  struct Departure {
    /// Whether the last copy on the GPU is gone.
    var fromGPU: Bool
    /// Whether the last copy on GPU and CPU is gone.
    var fromGPUAndCPU: Bool
    /// Whether the last copy on any tier is gone.
    var fromAll: Bool
  }

  /// Removes a copy from an entry, and frees the entry when it has neither copies nor children.
  ///
  /// - Returns: nil when there was no copy.
  mutating func removeCopy(_ number: Int, _ tier: StorageTier) -> Departure? {
    let copies = copies(number, tier)
    guard copies > 0 else { return nil }
    let before = entries[number].copies
    entries[number].copies -= 1 << Self.shift(tier)
    let left = entries[number].copies
    let isLast = copies == 1
    if isLast, hasChildren(number) { holes.move(from: before, to: left) }
    if left == 0 { discard(from: number) }
    return Departure(
      fromGPU: isLast && tier == .gpu, fromGPUAndCPU: isLast && tier != .storage && left & 0xFF == 0,
      fromAll: isLast && left == 0)
  }

  /// Frees an empty entry, and then each ancestor that has become empty.
  private mutating func discard(from first: Int) {
    var number = first
    while entries[number].isEmpty {
      let parent = entries[number].parent
      unplace(number)
      leaves.remove(number)
      entries[number] = Entry(free: firstFree)
      firstFree = UInt32(number + 1)
      count -= 1
      guard parent > 0 else { return }
      number = Int(parent) - 1
      changeChildren(of: number, by: -1)
    }
  }

  private func hasChildren(_ number: Int) -> Bool { entries[number].children > 0 }

  private mutating func changeChildren(of number: Int, by change: Int) {
    let children = entries[number].children
    guard children < Entry.maximumChildren else { return }
    let changed = UInt32(Int(children) + change)
    entries[number].children = changed
    if children == 0 { leaves.remove(number) }
    if changed == 0 { leaves.insert(number) }
    if children == 0 { holes.count(entries[number].copies, 1) }
    if changed == 0 { holes.count(entries[number].copies, -1) }
  }

  /// The next leaf after `hand`, going round the entries, to be removed for lack of room: tails go before heads, and old
  /// entries mostly before new ones. Moves `hand` to it.
  func leaf(from hand: inout Int) -> Int? {
    guard let leaf = leaves.next(after: hand) else { return nil }
    hand = leaf
    return leaf
  }

  // MARK: - Hash table

  @inline(__always)
  private static func shift(_ tier: StorageTier) -> UInt32 {
    switch tier {
    case .gpu: 0
    case .cpu: tierBits
    case .storage: 2 * tierBits
    }
  }

  /// Spreads a hash over 64 bits. Most engines' hashes are digests, but some are consecutive numbers.
  @inline(__always)
  private static func mix(_ hash: UInt64) -> UInt64 {
    let name = hash & Entry.hashMask
    return (name ^ name >> 32) &* 0x9E37_79B9_7F4A_7C15
  }

  @inline(__always)
  private static func home(_ mixed: UInt64, _ places: Int) -> Int { Int(((mixed >> 32) &* UInt64(places)) >> 32) }

  /// Enters an entry's number into the hash table.
  mutating func place(_ hash: UInt64, _ number: Int) {
    let mixed = Self.mix(hash)
    var place = Self.home(mixed, places.count)
    while places[place] & Self.numberMask != 0, places[place] & Self.numberMask != Self.tombstone {
      place += 1
      if place == places.count { place = 0 }
    }
    set(place, mixed, number)
  }

  @inline(__always)
  private mutating func set(_ place: Int, _ mixed: UInt64, _ number: Int) {
    if places[place] == 0 { usedPlaces += 1 }
    places[place] = UInt32(truncatingIfNeeded: mixed) & ~Self.numberMask | UInt32(number + 1)
  }

  private mutating func unplace(_ number: Int) {
    let mixed = Self.mix(entries[number].hash)
    let word = UInt32(truncatingIfNeeded: mixed) & ~Self.numberMask | UInt32(number + 1)
    var place = Self.home(mixed, places.count)
    while places[place] != word {
      place += 1
      if place == places.count { place = 0 }
    }
    let next = place + 1 < places.count ? place + 1 : 0
    if places[next] == 0 {
      places[place] = 0
      usedPlaces -= 1
    } else {
      places[place] = Self.tombstone
    }
  }

  /// Whether more than seven tenths of the places would be used, those of removed entries included: then probes for unknown
  /// hashes grow long.
  private var isCrowded: Bool { (usedPlaces + 1) * 10 > places.count * 7 }

  /// Rebuilds a crowded hash table with room for more entries.
  ///
  /// - Parameter newcomer: the entry that is left out, because it is placed later.
  private mutating func growPlaces(besides newcomer: Int) {
    guard isCrowded else { return }
    // With many tombstones the same size will do.
    let size = count * 2 > places.count ? max(32, places.count * 7 / 5) : max(32, places.count)
    places = []
    places = [UInt32](repeating: 0, count: size)
    usedPlaces = 0
    for number in entries.indices where !entries[number].isFree && number != newcomer {
      place(entries[number].hash, number)
    }
  }

  /// Grows the array by a fifth: doubling would waste a third of the memory on average.
  private mutating func growEntries() {
    guard entries.count == entries.capacity else { return }
    entries.reserveCapacity(max(32, entries.count + entries.count / 5))
  }
}

extension AnnouncedBlocks {
  /// Smaller arrays are not compacted.
  private static let leastEntries = 4096

  /// Frees the memory of unused entries when they are the majority; all others get new numbers. Takes about 30 ns an entry.
  ///
  /// - Returns: whether it compacted.
  mutating func compact() -> Bool {
    guard entries.count > Self.leastEntries, count < entries.count / 2 else { return false }
    // The new numbers plus 1.
    var numbers = [UInt32](repeating: 0, count: entries.count)
    var next: UInt32 = 0
    for number in entries.indices where !entries[number].isFree {
      next += 1
      numbers[number] = next
    }
    var kept: [Entry] = []
    kept.reserveCapacity(count + count / 5)
    leaves = LeafSet()
    for var entry in entries where !entry.isFree {
      if entry.parent > 0 { entry.parent = numbers[Int(entry.parent) - 1] }
      if entry.children == 0 { leaves.insert(kept.count) }
      kept.append(entry)
    }
    entries = kept
    firstFree = 0
    makePlaces()
    return true
  }
}
