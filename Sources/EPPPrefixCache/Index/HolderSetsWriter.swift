/// The writing side of `HolderSets`. Stores each distinct set once, counts the blocks that name it, and reuses the space of an
/// unnamed set when no reader can still use it. Used by one thread at a time.
struct HolderSetsWriter: ~Copyable {
  /// The addition or removal of one holder. Results are cached, because the blocks of a prompt mostly make the same step.
  private struct Step: Equatable {
    var from: UInt32
    /// The holder's number, and above it whether it is added.
    var change: UInt32
  }

  /// A set that no block names. It can be named again until its space is reused.
  private struct Idle {
    var set: HolderSetID
    var epoch: UInt64
  }

  private let sets: HolderSets
  private let epochs: EpochDomain
  /// A hash table of the sets, with open addressing: the upper half of a set's hash, and its id; 0 is empty.
  private var interned = [UInt64](repeating: 0, count: 1024)
  private var internedCount = 0
  /// The cached steps, by a hash of the step.
  private var steps = [(step: Step, to: HolderSetID)](
    repeating: (Step(from: .max, change: .max), .empty), count: Self.stepCount)
  private static let stepCount = 4096
  private static let joins: UInt32 = 1 << 16
  /// Free units of the arena, by the size of the space in units.
  private var free: [Int: [Int]] = [:]
  private var nextUnit = 0
  private var idle: [Idle] = []
  private var segmentCount = 0
  private var scratch: [UInt16] = []

  /// Named sets of two members or more.
  private(set) var count = 0

  init(_ sets: HolderSets, _ epochs: EpochDomain) {
    self.sets = sets
    self.epochs = epochs
  }

  /// The memory of the arena in bytes.
  var sizeInBytes: Int { segmentCount * HolderSets.segmentUnits * HolderSets.unitWords * MemoryLayout<UInt64>.stride }

  /// The number of holders in a set.
  func memberCount(of set: HolderSetID) -> Int {
    guard let unit = set.unit, let (words, first) = sets.place(of: unit) else { return set.isEmpty ? 0 : 1 }
    return HolderSets.memberCount(words.loadRelaxed(first))
  }

  // MARK: - Steps

  /// The set with one more holder; nil when there is no room for another set.
  ///
  /// The result is not counted as named yet: call `retain` at once, because a set that was never named is never freed.
  @inline(__always)
  mutating func adding(_ holder: Holder, to set: HolderSetID) -> HolderSetID? {
    if set.isEmpty { return HolderSetID(holder) }
    return step(from: set, UInt32(holder.number) | Self.joins)
  }

  /// The set with one holder less; nil when there is no room for another set. Call `retain` at once, as after `adding`.
  @inline(__always)
  mutating func removing(_ holder: Holder, from set: HolderSetID) -> HolderSetID? {
    if let single = set.single { return single == holder ? .empty : set }
    return step(from: set, UInt32(holder.number))
  }

  private mutating func step(from set: HolderSetID, _ change: UInt32) -> HolderSetID? {
    let step = Step(from: set.rawValue, change: change)
    let mixed = (UInt64(set.rawValue) << 17 ^ UInt64(change)) &* 0x9E37_79B9_7F4A_7C15
    let place = Int(mixed >> 52)
    if steps[place].step == step { return steps[place].to }
    guard let result = make(set, change) else { return nil }
    steps[place] = (step, result)
    return result
  }

  private mutating func make(_ set: HolderSetID, _ change: UInt32) -> HolderSetID? {
    let holder = UInt16(truncatingIfNeeded: change)
    scratch.removeAll(keepingCapacity: true)
    var members = scratch
    scratch = []
    defer { scratch = members }
    sets.forEachMember(of: set) { members.append(UInt16($0)) }
    let position = members.firstIndex { $0 >= holder } ?? members.count
    let isMember = position < members.count && members[position] == holder
    if change & Self.joins != 0 {
      if isMember { return set }
      members.insert(holder, at: position)
    } else {
      guard isMember else { return set }
      members.remove(at: position)
    }
    switch members.count {
    case 0: return .empty
    case 1: return HolderSetID(Holder(number: Int(members[0])))
    default: return intern(members)
    }
  }

  // MARK: - Counting

  /// Counts a block that names the set.
  @inline(__always)
  mutating func retain(_ set: HolderSetID) {
    guard let unit = set.unit, let (words, first) = sets.place(of: unit) else { return }
    let header = words.loadRelaxed(first)
    if header & Header.nameMask == 0 { count += 1 }
    words.store(header + Header.oneName, at: first)
  }

  /// Takes back one `retain`.
  @inline(__always)
  mutating func release(_ set: HolderSetID) {
    guard let unit = set.unit, let (words, first) = sets.place(of: unit) else { return }
    var header = words.loadRelaxed(first) - Header.oneName
    if header & Header.nameMask == 0 {
      count -= 1
      if header & Header.isIdle == 0 {
        header |= Header.isIdle
        idle.append(Idle(set: set, epoch: epochs.advance()))
      } else {
        // It waits already, since an earlier epoch than the one in which it was last seen.
        header |= Header.wasUsed
      }
    }
    words.store(header, at: first)
  }

  /// Whether enough sets are unnamed to make `reclaim` worthwhile.
  var hasManyIdle: Bool { idle.count >= Self.manyIdle }
  private static let manyIdle = 1024

  /// Frees the space of sets that no block names and no reader uses.
  mutating func reclaim(before oldestReader: UInt64) {
    guard !idle.isEmpty else { return }
    var waiting: [Idle] = []
    var hasFreed = false
    for var entry in idle {
      guard let unit = entry.set.unit, let (words, first) = sets.place(of: unit) else { continue }
      let header = words.loadRelaxed(first)
      if header & Header.nameMask != 0 {
        words.store(header & ~(Header.isIdle | Header.wasUsed), at: first)
      } else if header & Header.wasUsed != 0 {
        words.store(header & ~Header.wasUsed, at: first)
        entry.epoch = epochs.advance()
        waiting.append(entry)
      } else if entry.epoch < oldestReader {
        forget(entry.set)
        free[HolderSets.units(members: HolderSets.memberCount(header)), default: []].append(unit)
        hasFreed = true
      } else {
        waiting.append(entry)
      }
    }
    idle = waiting
    // Remembered steps may lead from or to a name that stands for another set soon.
    if hasFreed {
      for place in steps.indices { steps[place] = (Step(from: .max, change: .max), .empty) }
    }
  }

  // MARK: - Interning

  /// The header word of a set: 16 bits for the number of members, 32 bits for the number of blocks that name it, flags.
  private enum Header {
    static let oneName: UInt64 = 1 << 16
    static let nameMask: UInt64 = 0xFFFF_FFFF << 16
    /// The set is unnamed, or was, and is in the list `idle`.
    static let isIdle: UInt64 = 1 << 48
    /// A block has named the set since it was added to `idle`.
    static let wasUsed: UInt64 = 1 << 49
  }

  private mutating func intern(_ members: [UInt16]) -> HolderSetID? {
    let hash = Self.hash(members)
    var place = Int(hash & UInt64(interned.count - 1))
    while interned[place] != 0 {
      let entry = interned[place]
      let set = HolderSetID(rawValue: UInt32(truncatingIfNeeded: entry))
      if entry >> 32 == hash >> 32, holds(set, members) { return set }
      place = (place + 1) & (interned.count - 1)
    }
    guard let set = store(members) else { return nil }
    interned[place] = hash & ~0xFFFF_FFFF | UInt64(set.rawValue)
    internedCount += 1
    if internedCount * 2 > interned.count { growInterned() }
    return set
  }

  private static func hash(_ members: [UInt16]) -> UInt64 {
    var hash: UInt64 = 0
    for member in members { hash = (hash ^ UInt64(member) &+ 1) &* 0x9E37_79B9_7F4A_7C15 ^ hash >> 29 }
    return hash ^ hash >> 32
  }

  private func members(of set: HolderSetID) -> [UInt16] {
    var members: [UInt16] = []
    sets.forEachMember(of: set) { members.append(UInt16($0)) }
    return members
  }

  private func holds(_ set: HolderSetID, _ members: [UInt16]) -> Bool {
    guard let unit = set.unit, let (words, first) = sets.place(of: unit),
      HolderSets.memberCount(words.loadRelaxed(first)) == members.count
    else { return false }
    var position = 0
    var isEqual = true
    sets.forEachMember(of: set) { member in
      if members[position] != member { isEqual = false }
      position += 1
    }
    return isEqual
  }

  private mutating func growInterned() {
    let old = interned
    interned = [UInt64](repeating: 0, count: 2 * old.count)
    for entry in old where entry != 0 {
      let hash = Self.hash(members(of: HolderSetID(rawValue: UInt32(truncatingIfNeeded: entry))))
      var place = Int(hash & UInt64(interned.count - 1))
      while interned[place] != 0 { place = (place + 1) & (interned.count - 1) }
      interned[place] = entry
    }
  }

  /// Removes a set from the hash table and closes the gap.
  private mutating func forget(_ set: HolderSetID) {
    let mask = interned.count - 1
    func home(_ entry: UInt64) -> Int {
      Int(Self.hash(members(of: HolderSetID(rawValue: UInt32(truncatingIfNeeded: entry)))) & UInt64(mask))
    }
    var hole = home(UInt64(set.rawValue))
    while UInt32(truncatingIfNeeded: interned[hole]) != set.rawValue {
      guard interned[hole] != 0 else { return }
      hole = (hole + 1) & mask
    }
    var place = hole
    while true {
      place = (place + 1) & mask
      let entry = interned[place]
      if entry == 0 { break }
      if (place - home(entry)) & mask >= (place - hole) & mask {
        interned[hole] = entry
        hole = place
      }
    }
    interned[hole] = 0
    internedCount -= 1
  }

  /// Writes a set into the arena; nil when the arena is full.
  private mutating func store(_ members: [UInt16]) -> HolderSetID? {
    guard let unit = allocate(HolderSets.units(members: members.count)), let (words, first) = sets.place(of: unit)
    else { return nil }
    for start in stride(from: 0, to: members.count, by: 4) {
      var word: UInt64 = 0
      for index in start..<min(start + 4, members.count) {
        word |= UInt64(members[index]) << UInt64((index - start) * 16)
      }
      words.store(word, at: first + 1 + start / 4)
    }
    words.store(UInt64(members.count), at: first)
    return HolderSetID(unit: unit)
  }

  private mutating func allocate(_ units: Int) -> Int? {
    if let unit = free[units]?.popLast() { return unit }
    let left = (HolderSets.segmentUnits - nextUnit % HolderSets.segmentUnits) % HolderSets.segmentUnits
    if left < units {
      if left > 0 { free[left, default: []].append(nextUnit) }
      let next = segmentCount * HolderSets.segmentUnits
      guard segmentCount < HolderSets.segmentCount, next + HolderSets.segmentUnits <= HolderSetID.maximumUnits,
        let words = SharedWords(size: SharedWords.Size(words: HolderSets.segmentWords))
      else { return nil }
      sets.setSegment(segmentCount, words)
      segmentCount += 1
      nextUnit = next
    }
    let unit = nextUnit
    nextUnit += units
    return unit
  }
}
