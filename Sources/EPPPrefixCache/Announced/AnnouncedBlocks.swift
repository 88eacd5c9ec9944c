/// The blocks that one engine has announced, by the engine's own hashes: what they are called here, in how many copies
/// they lie on each tier, and how many blocks are known behind each.
///
/// Engines announce every physical copy and every eviction of one, so a block is there while copies are left. A block that is
/// gone stays as an entry without copies while blocks behind it are there: such a prefix has a hole, and readers have to know.
///
/// Flat arrays: 20 bytes a block, about 7 for its place in the hash table, and a bit that says whether it is a leaf.
struct AnnouncedBlocks {
  /// Copies that are counted on one tier; further ones are not.
  static let maximumCopies: UInt32 = 15
  private static let tierBits: UInt32 = 4
  /// Entries that can be numbered.
  static let maximumCount = (1 << Entry.numberBits) - 2
  private static let numberMask: UInt32 = 1 << Entry.numberBits - 1
  private static let tombstone: UInt32 = numberMask

  var entries: [Entry] = []
  /// Open addressing: 8 bits of the hash and an entry's number plus one; 0 is empty.
  var places: [UInt32] = []
  var firstFree: UInt32 = 0
  var leaves = LeafSet()
  var usedPlaces = 0

  /// Entries, those without copies included.
  var count = 0
  var holes = HoleCounts()

  /// Bytes of a block, for an estimate of what a number of them takes.
  static let bytesPerBlock = 32

  var sizeInBytes: Int {
    entries.capacity * MemoryLayout<Entry>.stride + places.capacity * MemoryLayout<UInt32>.stride + leaves.sizeInBytes
  }

  // MARK: - Looking up

  /// What a look for a hash found.
  enum Finding {
    /// The number of its entry.
    case known(Int)
    /// A place that is free for it; none when there is no table yet.
    case unknown(place: Int?)
  }

  /// An entry's number; nil when the hash is not known.
  @inline(__always)
  func find(_ hash: UInt64) -> Int? {
    if case .known(let number) = look(for: hash) { number } else { nil }
  }

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

  @inline(__always)
  func key(_ number: Int) -> BlockKey { entries[number].key }

  @inline(__always)
  func copies(_ number: Int, _ tier: StorageTier) -> UInt32 { entries[number].copies >> Self.shift(tier) & 15 }

  /// Brings the place of a hash into the cache.
  @inline(__always)
  func prefetchPlace(_ hash: UInt64) {
    guard !places.isEmpty else { return }
    places.span.prefetch(Self.home(Self.mix(hash), places.count))
  }

  /// Brings the entry of a hash into the cache, whose place is there.
  @inline(__always)
  func prefetchEntry(_ hash: UInt64) {
    guard !places.isEmpty else { return }
    let number = places[Self.home(Self.mix(hash), places.count)] & Self.numberMask
    if number != 0, number != Self.tombstone { entries.span.prefetch(Int(number) - 1) }
  }

  /// All blocks that are there on at least one of these tiers, in no order.
  func keys(on tiers: [StorageTier]) -> [BlockKey] {
    entries.filter { entry in
      !entry.isFree && tiers.contains { entry.copies >> Self.shift($0) & 15 > 0 }
    }.map(\.key)
  }

  // MARK: - Changing

  /// Counts a copy of a known entry.
  mutating func addCopy(_ number: Int, _ tier: StorageTier) {
    let copies = copies(number, tier)
    guard copies < Self.maximumCopies else { return }
    let before = entries[number].copies
    entries[number].copies += 1 << Self.shift(tier)
    if copies == 0, hasChildren(number) { holes.move(from: before, to: entries[number].copies) }
  }

  /// Enters a block that is not known, with one copy.
  ///
  /// - Parameters:
  ///   - parent: the number of the block before it, where the newcomer is counted as a child already (`addChild`); nil for
  ///     the first of a prefix.
  ///   - place: the free place that a look for it has found, if nothing has changed since.
  /// - Returns: its number; nil when there is none left.
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

  /// Counts a block behind a known one, which stays from now on, whatever goes to make room for the newcomer.
  mutating func addChild(_ parent: Int) { changeChildren(of: parent, by: 1) }

  /// The newcomer did not come.
  mutating func removeChild(_ parent: Int) {
    changeChildren(of: parent, by: -1)
    if entries[parent].isEmpty { discard(from: parent) }
  }

  /// The tiers that a block has left with the copy that has gone.
  struct Departure {
    var fromGPU: Bool
    var fromGPUAndCPU: Bool
    var fromAll: Bool
  }

  /// Counts a copy less, and forgets what is left without copies and children.
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

  /// Forgets an entry without copies and children, and then those of its ancestors that have become such.
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

  /// A leaf that can go so that there is room, found by going round the entries: tails go before heads, and old entries
  /// mostly before new ones.
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

  /// Engines' hashes are mostly digests, but some count.
  @inline(__always)
  private static func mix(_ hash: UInt64) -> UInt64 {
    let name = hash & Entry.hashMask
    return (name ^ name >> 32) &* 0x9E37_79B9_7F4A_7C15
  }

  @inline(__always)
  private static func home(_ mixed: UInt64, _ places: Int) -> Int { Int(((mixed >> 32) &* UInt64(places)) >> 32) }

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

  /// Seven tenths of the places are used at most, those of removed entries included: beyond, a probe for a hash that is
  /// not known grows long.
  private var isCrowded: Bool { (usedPlaces + 1) * 10 > places.count * 7 }

  /// Makes places for all entries but one, which has none yet.
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

  /// A fifth more each time: twice as much would waste a third of the memory on the average.
  private mutating func growEntries() {
    guard entries.count == entries.capacity else { return }
    entries.reserveCapacity(max(32, entries.count + entries.count / 5))
  }
}

extension AnnouncedBlocks {
  /// Fewer entries are not worth the work.
  private static let leastEntries = 4096

  /// Gives back the memory of entries that are not in use, when these are most of them: all others get new numbers. About
  /// 30 ns an entry.
  ///
  /// - Returns: whether it did.
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
