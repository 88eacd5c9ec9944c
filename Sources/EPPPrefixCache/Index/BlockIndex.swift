import EPPCore

/// Which endpoints hold which blocks, as request threads read it: without locks, while one thread writes.
///
/// The parts are a hash table from blocks to sets of holders, an arena of those sets, and what each holder stands for.
final class BlockIndex: Sendable {
  let table: BlockTable
  let sets: HolderSets
  let epochs = EpochDomain()
  /// One word for each holder's number: its packed owner, 0 when it has none.
  private let owners: SharedWords

  /// An index that holds nothing. It begins with some hundred kilobytes of memory.
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

  /// What a holder stands for; nil for one that was given up.
  @inline(__always)
  func owner(of holder: Int) -> HolderOwner? { HolderOwner(packed: owners.load(holder)) }

  func setOwner(_ owner: HolderOwner?, of holder: Holder) { owners.store(owner?.packed ?? 0, at: holder.number) }
}

/// How deep each holder has a prompt: bisection over sets.
///
/// Prefixes are closed: an endpoint that has a block has all before it. So when the sets of two blocks are equal, those of all
/// blocks between them are too, and reading few blocks tells every holder's depth: the cost grows with the number of
/// different depths, not with that of endpoints or blocks (`reference/kv-cache.md` 7.3). A holder that lost events may
/// break the rule; it says so, and its depth is checked block by block.
extension BlockIndex {
  /// Up to this many blocks are looked at one after the other: their cache misses overlap.
  private static let linearBlocks = 16
  /// Blocks between two known ones that are looked at together.
  private static let probes = 7

  /// Finds how deep each endpoint holds the query's prompts, and makes its keys only as far as an endpoint may hold them.
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

  /// Every member of a set holds this many blocks, and perhaps more.
  @inline(__always)
  private func emit(_ set: HolderSetID, _ depth: Int, _ match: inout PrefixMatch) {
    sets.forEachMember(of: set) { holder in
      guard let owner = owner(of: holder) else { return }
      if owner.hasHoles { match.claim(holder, owner, depth: depth) } else { match.note(owner, depth: depth) }
    }
  }

  /// Looks closely at holders that may have holes.
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
