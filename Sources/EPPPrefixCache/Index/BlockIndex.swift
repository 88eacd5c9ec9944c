import EPPCore

/// Which endpoints hold which blocks. Any number of threads read it without locks while one thread writes (`BlockIndexWriter`).
///
/// Consists of a hash table from blocks to sets of holders, an arena of those sets, and an owner for each holder.
final class BlockIndex: Sendable {
  /// The set of holders of each block.
  let table: BlockTable
  /// The members of the sets.
  let sets: HolderSets
  /// Protects memory that readers may still use.
  let epochs = EpochDomain()
  /// One word for each holder's number: its packed owner, 0 for none.
  private let owners: SharedWords

  /// An empty index. It takes some hundred kilobytes of memory.
  ///
  /// - Returns: nil when the system has no memory for it.
  init?() {
    guard let table = BlockTable(), let sets = HolderSets(),
      let owners = SharedWords(size: SharedWords.Size(words: 1 << 16))
    else { return nil }
    self.table = table
    self.sets = sets
    self.owners = owners
  }

  deinit {
    table.deallocate()
    sets.deallocate()
    owners.deallocate()
  }

  /// The owner of a holder; nil for a holder that was given up.
  @inline(__always)
  func owner(of holder: Int) -> HolderOwner? { HolderOwner(packed: owners.load(holder)) }

  /// Publishes the owner of a holder; nil for none.
  func setOwner(_ owner: HolderOwner?, of holder: Holder) { owners.store(owner?.packed ?? 0, at: holder.number) }
}

/// Finds the depth to which each holder has a prompt, by bisection over sets.
///
/// Prefixes are closed: a holder of a block has all blocks before it. So when the sets of two blocks are equal, those of all
/// blocks between them are equal too. The cost grows with the number of different depths, not with the number of endpoints or
/// blocks (`reference/kv-cache.md` 7.3). A holder with holes breaks the rule; it is marked (`HolderOwner.hasHoles`), and its
/// depth is checked block by block.
extension BlockIndex {
  /// Up to this many blocks are read one after the other: their cache misses overlap.
  private static let linearBlocks = 16
  /// Blocks between two known ones that are read together.
  private static let probes = 7

  /// Finds how deep each endpoint holds the query's prompts. Makes the query's keys only as far as an endpoint may hold them.
  /// Takes no lock after the first match with the same `match`.
  func match(_ query: inout PrefixQuery, worth: TierWeights, into match: inout PrefixMatch) {
    match.begin(totalBlocks: query.blockCount, blockTokens: query.blockTokens)
    guard query.blockCount > 0 else { return }
    let reader = place(&match)
    epochs.enter(reader)
    for prompt in query.prompts.indices {
      self.match(prompt, of: &query, into: &match)
      verify(prompt, of: query, in: &match)
      match.endPrompt(worth, reusable: query.prompts[prompt].reusable)
    }
    epochs.leave(reader)
  }

  private func place(_ match: inout PrefixMatch) -> EpochDomain.Reader {
    if let reader = match.reader, reader.domain === epochs { return reader }
    let reader = epochs.makeReader()
    match.reader = reader
    return reader
  }

  private func match(_ position: Int, of query: inout PrefixQuery, into match: inout PrefixMatch) {
    query.makeKeys(ofPrompt: position, upTo: 1)
    var prompt = query.prompts[position]
    guard prompt.made > 0 else { return }
    var head = set(query.keys, prompt, 0)
    guard !head.isEmpty else { return }
    var first = 0
    while true {
      let last = prompt.made - 1
      let tail = set(query.keys, prompt, last)
      walk(query.keys, prompt, first, head, last, tail, &match)
      if tail.isEmpty { return }
      query.makeKeys(ofPrompt: position, upTo: 2 * prompt.made)
      prompt = query.prompts[position]
      guard prompt.made > last + 1 else { return emit(tail, last + 1, &match) }
      (first, head) = (last, tail)
    }
  }

  @inline(__always)
  private func set(_ keys: borrowing [BlockKey], _ prompt: PrefixQuery.Prompt, _ block: Int) -> HolderSetID {
    table.set(of: keys[prompt.firstKey + block])
  }

  /// Finds the blocks between two at which the set changes, in ascending order.
  private func walk(
    _ keys: borrowing [BlockKey], _ prompt: PrefixQuery.Prompt, _ first: Int, _ head: HolderSetID, _ last: Int,
    _ tail: HolderSetID, _ match: inout PrefixMatch
  ) {
    guard head != tail, !head.isEmpty else { return }
    guard last - first > Self.linearBlocks else {
      var sets = InlineArray<17, HolderSetID>(repeating: .empty)
      for block in stride(from: first + 1, to: last, by: 1) { sets[block - first] = set(keys, prompt, block) }
      sets[last - first] = tail
      var previous = head
      for block in stride(from: first + 1, through: last, by: 1) where sets[block - first] != previous {
        emit(previous, block, &match)
        previous = sets[block - first]
      }
      return
    }
    var sets = InlineArray<7, HolderSetID>(repeating: .empty)
    let length = last - first
    for probe in 0..<Self.probes {
      sets[probe] = set(keys, prompt, first + length * (probe + 1) / (Self.probes + 1))
    }
    var (low, lowSet) = (first, head)
    for probe in 0..<Self.probes {
      let high = first + length * (probe + 1) / (Self.probes + 1)
      walk(keys, prompt, low, lowSet, high, sets[probe], &match)
      (low, lowSet) = (high, sets[probe])
    }
    walk(keys, prompt, low, lowSet, last, tail, &match)
  }

  /// Records that every member of a set holds the first `depth` blocks, and perhaps more.
  @inline(__always)
  private func emit(_ set: HolderSetID, _ depth: Int, _ match: inout PrefixMatch) {
    sets.forEachMember(of: set) { holder in
      guard let owner = owner(of: holder) else { return }
      if owner.hasHoles { match.claim(holder, owner, depth: depth) } else { match.note(owner, depth: depth) }
    }
  }

  /// Checks the depths of holders that may have holes, block by block.
  private func verify(_ position: Int, of query: borrowing PrefixQuery, in match: inout PrefixMatch) {
    guard !match.claims.isEmpty else { return }
    let prompt = query.prompts[position]
    let claims = match.claims
    var depths = claims.map(\.depth)
    let deepest = depths.max() ?? 0
    var open = Array(claims.indices)
    var previous = HolderSetID.empty
    for block in 0..<deepest where !open.isEmpty {
      let set = set(query.keys, prompt, block)
      // Neighbours mostly have the same set.
      if block > 0, set == previous { continue }
      previous = set
      open.removeAll { index in
        if block >= depths[index] { return true }
        guard !sets.contains(claims[index].holder, in: set) else { return false }
        depths[index] = block
        return true
      }
    }
    for (claim, depth) in zip(claims, depths) where depth > 0 { match.note(claim.owner, depth: depth) }
  }
}
