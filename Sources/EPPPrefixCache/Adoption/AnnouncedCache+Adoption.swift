/// Blocks that the engine stored before its events were followed.
extension AnnouncedCache {
  /// Places stores that wait for a block of a prompt, whose tokens are known from elsewhere, together with the blocks
  /// before it: the engine held these when it announced what waits, and has not removed them since, unless it has said so.
  ///
  /// - Parameters:
  ///   - tokens: the prompt's, without adapter, salt or media.
  ///   - hashes: what the engine calls the prompt's blocks.
  mutating func adopt(
    _ tokens: [UInt32], _ hashes: [UInt64], hasher: BlockHasher, limit: Int, to writer: inout BlockIndexWriter,
    _ counts: inout AnnouncedCounts
  ) {
    // Where another engine's block size has been announced last, the hashes are those of other blocks.
    guard let blockTokens, !gone.isFull, let deepest = hashes.lastIndex(where: waiting.isAwaited),
      (deepest + 1) * blockTokens <= tokens.count
    else { return }
    let width = blockTokens * MemoryLayout<UInt32>.size
    let missing = gone
    var entered: [UInt64] = []
    var key = hasher.root(BlockRoot(blockTokens: blockTokens))
    var parent: Int?
    blocks: for position in 0...deepest {
      key = hasher.key(after: key, unsafe tokens.span.bytes, at: position * width, width: width)
      switch blocks.look(for: hashes[position]) {
      case .known(let number):
        // Two blocks of the same name: nothing that follows can be relied on.
        guard blocks.key(number) == key else { break blocks }
        parent = number
      case .unknown(let place):
        guard let number = enter(hashes[position], key, behind: parent, .gpu, place, limit, &writer) else {
          break blocks
        }
        counts.adopted += 1
        if missing.contains(hashes[position]) { entered.append(hashes[position]) }
        parent = number
      }
      if let parent { noteAwaited(hashes[position], parent) }
      placeWaiting(hasher, limit, &writer, &counts)
    }
    // Only now, for they stay as entries without copies while something is behind them.
    for hash in entered {
      if let number = blocks.find(hash), removeCopy(number, .gpu, &writer) { counts.adopted -= 1 }
    }
    publishHoles(&writer)
  }
}
