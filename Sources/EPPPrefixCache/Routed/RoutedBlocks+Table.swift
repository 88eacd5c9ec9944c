/// The hash table: two places a block, so runs of probes are short and mostly within one cache line.
///
/// A place holds the upper half of a key and an entry's number plus one; 0 is an empty place. The home place of a key depends
/// on its upper half only, so a probe that misses and a removal read no entry.
extension RoutedBlocks {
  @inline(__always)
  private static func home(_ tag: UInt64, _ places: Int) -> Int { Int((tag &* UInt64(places)) >> 32) }

  @inline(__always)
  static func home(of key: BlockKey, places: Int) -> Int { home(key.rawValue >> 32, places) }

  /// Moves the table out for a loop over both arrays; the caller has to put it back.
  mutating func takeTable() -> [UInt64] {
    var taken: [UInt64] = []
    swap(&taken, &table)
    return taken
  }

  /// The entry of a key; `none` when it is not held.
  func find(_ key: BlockKey) -> Int32 {
    guard !table.isEmpty else { return Self.none }
    let table = table.span
    let tag = key.rawValue >> 32
    var place = Self.home(tag, table.count)
    while true {
      let word = table[place]
      if word == 0 { return Self.none }
      if word >> 32 == tag {
        let entry = Int32(truncatingIfNeeded: word) - 1
        if entries[Int(entry)].key == key { return entry }
      }
      place += 1
      if place == table.count { place = 0 }
    }
  }

  @inline(__always)
  static func place(_ key: BlockKey, _ entry: Int32, in table: inout MutableSpan<UInt64>) {
    let tag = key.rawValue >> 32
    var place = home(tag, table.count)
    while table[place] != 0 {
      place += 1
      if place == table.count { place = 0 }
    }
    table[place] = tag << 32 | UInt64(entry + 1)
  }

  /// Removes an entry's place and moves later places up, so that no gap breaks a run of probes.
  @inline(__always)
  static func unplace(_ key: BlockKey, _ entry: Int32, in table: inout MutableSpan<UInt64>) {
    let places = table.count
    let tag = key.rawValue >> 32
    let word = tag << 32 | UInt64(entry + 1)
    var hole = home(tag, places)
    while table[hole] != word {
      hole += 1
      if hole == places { hole = 0 }
    }
    var place = hole
    while true {
      place += 1
      if place == places { place = 0 }
      let candidate = table[place]
      if candidate == 0 { break }
      var fromHome = place - home(candidate >> 32, places)
      if fromHome < 0 { fromHome += places }
      var fromHole = place - hole
      if fromHole < 0 { fromHole += places }
      // It may move into the hole unless it belongs behind it.
      if fromHome >= fromHole {
        table[hole] = candidate
        hole = place
      }
    }
    table[hole] = 0
  }

  /// Resizes the arrays to `blocks` blocks, which is at least the number held, and renumbers the entries.
  mutating func reallocate(blocks: Int) {
    var numbers = [Int32](repeating: Self.none, count: entries.count)
    var next: Int32 = 0
    for number in entries.indices where entries[number].children != Self.free {
      numbers[number] = next
      next += 1
    }
    func renumbered(_ entry: Int32) -> Int32 { entry >= 0 ? numbers[Int(entry)] : entry }
    var kept: [Entry] = []
    kept.reserveCapacity(blocks)
    for var entry in entries where entry.children != Self.free {
      entry.parent = renumbered(entry.parent)
      entry.previous = renumbered(entry.previous)
      entry.next = renumbered(entry.next)
      kept.append(entry)
    }
    firstFree = kept.count < blocks ? Int32(kept.count) : Self.none
    while kept.count < blocks {
      let successor = kept.count + 1 < blocks ? Int32(kept.count + 1) : Self.none
      kept.append(
        Entry(
          key: BlockKey(rawValue: 0), parent: Self.none, children: Self.free, previous: Self.unlinked, next: successor,
          use: 0))
    }
    oldest = renumbered(oldest)
    newest = renumbered(newest)
    entries = kept
    var places = [UInt64](repeating: 0, count: 2 * blocks)
    var table = places.mutableSpan
    for number in 0..<count { Self.place(entries[number].key, Int32(number), in: &table) }
    self.table = places
  }
}
