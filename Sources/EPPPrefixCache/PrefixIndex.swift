import DequeModule
package import EPPCore
import Synchronization

/// Which endpoint holds which prefixes. Request threads match prompts and record picks; engines' events update it.
///
/// Any thread may call it. `match`, `record`, `settle`, `forget`, `move`, `setCapacity`, `setBlockTokens` and
/// `remove` never wait for the writer: one thread at a time writes, and a caller that finds it busy queues its change, which a
/// later writer applies. `apply`, `adopt`, `resetEvents`, `waitingBlocks`, `maintain`, snapshots and restoring wait for the
/// writer, and belong on other threads than requests.
package final class PrefixIndex: Sendable {
  /// Bounds of the index.
  package struct Limits: Sendable {
    /// Tokens in a block of text, at 4 bytes a token. Text is matched in larger blocks than those of engines: a prompt of 400
    /// KB costs 600 µs of index work in blocks of 16, and a quarter of that in blocks of 64.
    package var textBlockTokens = 64
    /// Tokens assumed for a cache of unknown size: llm-d's default, 31,250 blocks of 16.
    package static let standardTokens = 500_000
    /// Blocks of text assumed for an endpoint whose cache size is unknown.
    package var defaultBlocks: Int
    /// Bytes of the whole index, shared equally between the endpoints. A table that grows briefly has its old arrays beside the
    /// new ones, which are not counted.
    package var maximumBytes = 2 << 30
    /// The largest number of blocks in queued picks; picks beyond that are dropped.
    package var maximumWaitingBlocks = 1 << 20
    /// The largest number of other threads' queued changes that a request thread applies in one call.
    package var changesPerTurn = 256
    /// The largest number of blocks in other threads' queued picks that a request thread applies in one call, unless the first
    /// pick alone has more. A block takes about 50 ns, so the bound is 0.2 ms.
    package var blocksPerTurn = 4096

    /// The default limits.
    package init() { defaultBlocks = Self.standardTokens / textBlockTokens }
  }

  /// How long the blocks of a pick count as held.
  package enum Entry: Sendable {
    /// As long as there is room: for endpoints of which nothing is known but what was routed there.
    case routed
    /// Until the engine announces the blocks, and at the latest until this time.
    case speculative(until: MonotonicTime)
  }

  /// A queued change.
  enum Change: Sendable {
    case record([BlockKey], lengths: [Int], PickRecord, Entry)
    case settle(PickRecord, until: MonotonicTime)
    case forget(PickRecord)
    case move(PickRecord, to: PickRecord)
    case setCapacity(tokens: Int, of: EndpointSlot)
    case setBlockTokens(Int, of: EndpointSlot)
    case remove(EndpointSlot)

    /// Blocks in a pick; 0 for others.
    var blockCount: Int {
      if case .record(let keys, lengths: _, _, _) = self { keys.count } else { 0 }
    }
  }

  private struct Queue {
    var changes: Deque<Change> = []
    var blocks = 0

    /// Removes and returns the oldest changes, as many as the share allows, and at least one.
    mutating func take(_ share: inout Share) -> [Change] {
      var taken: [Change] = []
      while share.changes > 0, let next = changes.first {
        let count = next.blockCount
        if !taken.isEmpty, count > share.blocks { break }
        taken.append(changes.removeFirst())
        share.changes -= 1
        share.blocks -= count
        blocks -= count
      }
      return taken
    }
  }

  /// The remaining number of queued changes and blocks that one caller applies.
  struct Share {
    var changes: Int
    var blocks: Int

    /// No limit.
    static let all = Share(changes: .max, blocks: .max)
  }

  private let index: BlockIndex
  private let worth: TierWeights
  /// The bounds of the index.
  package let limits: Limits
  /// The hasher of all keys; queries have to use it.
  package let hasher: BlockHasher
  let writer: Mutex<IndexWriter>
  private let queue = Mutex(Queue())
  /// The number of queued changes.
  private let waiting = Atomic<Int>(0)
  private let statistics = Mutex(Statistics())
  /// Picks that were dropped because too many were queued.
  private let droppedPicks = Atomic<Int>(0)
  private let announcements = Mutex(AnnouncedSlots())

  /// Pool-wide facts from engines' events.
  package struct Announcements: Sendable {
    /// Endpoints whose events are followed: matched by token ids.
    package var followed = SlotSet.empty
    /// Endpoints with blocks whose parents are not known: prompts that are sent there may identify them (`adopt`).
    package var adopting = SlotSet.empty
    /// Endpoints of which more than one data-parallel rank has announced something. Each rank has a cache of its own, and only
    /// the engine knows which rank serves a request, so a match there is no certain prediction.
    package var ranked = SlotSet.empty
    /// Tokens in a block, as announced last.
    package var blockTokens = 16
    /// LoRA adapters that blocks were computed with. Any other model is taken for the base model.
    package var loRANames: Set<String> = []

    package init() {}
  }

  /// The size of the index.
  package struct Statistics: Sendable, Equatable {
    /// Pairs of a block and an endpoint's cache.
    package var pairs = 0
    /// Distinct blocks.
    package var blocks = 0
    /// Memory of all tables in bytes.
    package var bytes = 0
    /// Blocks refused for lack of memory, and picks dropped because too many were queued.
    package var refused = 0

    package init() {}
  }

  /// An empty index.
  ///
  /// - Parameters:
  ///   - limits: the bounds of the index.
  ///   - hasher: the hasher of queries and events.
  ///   - worth: the weights of storage tiers in match ratios.
  package init(limits: Limits = Limits(), hasher: BlockHasher, worth: TierWeights = TierWeights()) {
    guard let index = BlockIndex() else { preconditionFailure("no memory for an empty index") }
    self.index = index
    self.limits = limits
    self.hasher = hasher
    self.worth = worth
    writer = Mutex(IndexWriter(index, limits: limits, hasher: hasher))
  }

  // MARK: - Asking

  /// Finds for every endpoint how deep it holds the prompts. Computes the query's keys only as far as some endpoint may hold
  /// them. Takes no lock, except a short one in the first call with a new `match`.
  package func match(_ query: inout PrefixQuery, into match: inout PrefixMatch) {
    index.match(&query, worth: worth, into: &match)
  }

  /// Pool-wide facts from engines' events. Takes a short lock, never the writer's.
  package func currentAnnouncements() -> Announcements { announcements.withLock { $0.current } }

  /// The size of the index after the last change. Takes a short lock, never the writer's.
  package func currentStatistics() -> Statistics { statistics.withLock { $0 } }

  // MARK: - Telling

  /// Records that the prompts are sent to an endpoint, at once or in the queue, and computes all keys of the query.
  ///
  /// - Returns: the entry's handle for `settle`, `forget` and `move`.
  package func record(
    _ query: inout PrefixQuery, at slot: EndpointSlot, as entry: Entry = .routed
  ) -> PickRecord {
    query.finish()
    let record = PickRecord(slot: slot)
    let lengths = query.prompts.map(\.blocks)
    let keys = query.keys
    let count = query.blockCount
    var share = requestShare
    let isEntered = writer.withLockIfAvailable { writer in
      // In order: what waits for longer goes first.
      guard drain(&writer, &share) else { return false }
      writer.record(keys, lengths, record, entry)
      finish(&writer)
      return true
    }
    if isEntered != true { enqueue(.record(Array(keys.prefix(count)), lengths: lengths, record, entry)) }
    drainQueue(share)
    return record
  }

  /// Sets the time until which the blocks of a speculative pick count, unless the engine announces them before.
  package func settle(_ record: PickRecord, until time: MonotonicTime) { submit(.settle(record, until: time)) }

  /// Sets whether an endpoint's events are followed.
  package func setFollowed(_ isFollowed: Bool, _ slot: EndpointSlot) {
    announcements.withLock { $0.set(isFollowed, slot, in: \.followed) }
  }

  /// Sets whether prompts that are sent to an endpoint may identify unknown blocks of its cache.
  package func setAdopting(_ isAdopting: Bool, _ slot: EndpointSlot) {
    announcements.withLock { $0.set(isAdopting, slot, in: \.adopting) }
  }

  /// Publishes that an endpoint has several ranks. That stays so until it leaves the pool: a rank that is learned anew still
  /// exists.
  func publishRanks(_ writer: borrowing IndexWriter, of slot: EndpointSlot) {
    guard writer.hasSeveralRanks(slot) else { return }
    announcements.withLock { $0.set(true, slot, in: \.ranked) }
  }

  /// Removes what a pick has entered, unless later picks use it.
  package func forget(_ record: PickRecord) { submit(.forget(record)) }

  /// Moves the entries of a pick to the endpoint that served the request, and returns their new handle.
  package func move(_ record: PickRecord, to slot: EndpointSlot) -> PickRecord {
    let moved = PickRecord(slot: slot)
    submit(.move(record, to: moved))
    return moved
  }

  /// Sets the number of tokens that an endpoint's cache holds, and drops what does not fit, least recently used first.
  package func setCapacity(tokens: Int, of slot: EndpointSlot) {
    submit(.setCapacity(tokens: tokens, of: slot))
  }

  /// Sets the block size that the engine's metrics page reports: of the groups that its events announce, those of this size
  /// count for more.
  package func setBlockTokens(_ tokens: Int, of slot: EndpointSlot) { submit(.setBlockTokens(tokens, of: slot)) }

  /// Removes an endpoint that has left the pool.
  package func remove(_ slot: EndpointSlot) {
    setFollowed(false, slot)
    setAdopting(false, slot)
    announcements.withLock { $0.set(false, slot, in: \.ranked) }
    submit(.remove(slot))
  }

  /// Applies a batch of an engine's events. Waits for the writer.
  ///
  /// - Parameters:
  ///   - batch: the events.
  ///   - slot: the endpoint.
  ///   - rank: the data-parallel rank, each of which has a cache of its own.
  ///   - position: how far the engine's stream is applied with this batch, for snapshots; nil when it cannot be continued from
  ///     them.
  @discardableResult
  package func apply(
    _ batch: borrowing KVEventBatch, from slot: EndpointSlot, rank: Int = 0, position: EventStreamPosition? = nil
  ) -> AnnouncedCounts {
    let counts = writer.withLock { writer in
      drain(&writer)
      let counts = writer.apply(batch, from: slot, rank: rank, position: position)
      finish(&writer)
      publishNews(&writer)
      publishRanks(writer, of: slot)
      return counts
    }
    drainQueue()
    return counts
  }

  /// Publishes changed pool-wide facts.
  func publishNews(_ writer: inout IndexWriter) {
    guard let news = writer.takeNews() else { return }
    announcements.withLock { announcements in
      announcements.current.blockTokens = news.blockTokens
      announcements.current.loRANames = news.loRANames
    }
  }

  /// Forgets all that one rank of an engine has announced. Waits for the writer.
  package func resetEvents(from slot: EndpointSlot, rank: Int = 0) {
    writer.withLock { writer in
      drain(&writer)
      writer.reset(slot, rank: rank)
      finish(&writer)
    }
    drainQueue()
  }

  /// Continues long-running work: forgets endpoints that have left, ends speculative picks, and frees memory. To be called
  /// about once a second. Waits for the writer.
  package func maintain(now: MonotonicTime) {
    writer.withLock { writer in
      drain(&writer)
      writer.endSpeculations(now: now)
      writer.trimCaches(blocks: 16_384)
      writer.sweepOn(atLeast: 65_536)
      finish(&writer)
    }
    drainQueue()
  }

  // MARK: - The queue

  /// The number of queued changes.
  var waitingChanges: Int { waiting.load(ordering: .sequentiallyConsistent) }

  private var requestShare: Share { Share(changes: limits.changesPerTurn, blocks: limits.blocksPerTurn) }

  private func submit(_ change: Change) {
    enqueue(change)
    drainQueue(requestShare)
  }

  private func enqueue(_ change: Change) {
    let blocks = change.blockCount
    let isAccepted = queue.withLock { queue in
      guard blocks == 0 || queue.blocks + blocks <= limits.maximumWaitingBlocks else { return false }
      queue.changes.append(change)
      queue.blocks += blocks
      return true
    }
    if isAccepted {
      waiting.add(1, ordering: .sequentiallyConsistent)
    } else {
      droppedPicks.add(1, ordering: .relaxed)
    }
  }

  /// Applies queued changes, unless another thread is writing: that one looks at the queue again after it has released the
  /// writer. Changes beyond the share are left to the next caller, or to `maintain`.
  func drainQueue(_ share: Share = .all) {
    var share = share
    while waitingChanges > 0, share.changes > 0, share.blocks > 0 {
      let isMine: Void? = writer.withLockIfAvailable { writer in
        drain(&writer, &share)
        finish(&writer)
      }
      if isMine == nil { return }
    }
  }

  /// Applies all queued changes.
  func drain(_ writer: inout IndexWriter) {
    var share = Share.all
    drain(&writer, &share)
  }

  /// Applies queued changes as far as the share allows; returns whether none is left.
  @discardableResult
  private func drain(_ writer: inout IndexWriter, _ share: inout Share) -> Bool {
    guard waiting.load(ordering: .relaxed) > 0 else { return true }
    let (changes, isEmpty) = queue.withLock { queue in (queue.take(&share), queue.changes.isEmpty) }
    waiting.subtract(changes.count, ordering: .sequentiallyConsistent)
    for change in changes {
      switch change {
      case .record(let keys, let lengths, let record, let entry): writer.record(keys, lengths, record, entry)
      case .settle(let record, let time): writer.settle(record, until: time)
      case .forget(let record): writer.forget(record)
      case .move(let record, let moved): writer.move(record, to: moved)
      case .setCapacity(let tokens, let slot): writer.setCapacity(tokens: tokens, of: slot)
      case .setBlockTokens(let tokens, let slot): writer.setBlockTokens(tokens, of: slot)
      case .remove(let slot): writer.remove(slot)
      }
    }
    return isEmpty
  }

  /// Does a little upkeep after a change, and updates the statistics.
  func finish(_ writer: inout IndexWriter) {
    writer.sweepOn(atLeast: 512)
    let (pairs, blocks, bytes) = (writer.pairCount, writer.blockCount, writer.sizeInBytes)
    let refused = writer.refused + droppedPicks.load(ordering: .relaxed)
    statistics.withLock { statistics in
      statistics.pairs = pairs
      statistics.blocks = blocks
      statistics.bytes = bytes
      statistics.refused = refused
    }
  }
}

/// Blocks that engines stored before their events were followed.
extension PrefixIndex {
  /// Places blocks that wait for their parent, where the parent is a block of a prompt. Waits for the writer.
  ///
  /// - Parameters:
  ///   - tokens: the tokens of a prompt without adapter, salt or media.
  ///   - hashes: the engine's hashes of its blocks (`EngineBlockHasher.hashes`).
  @discardableResult
  package func adopt(_ tokens: [UInt32], _ hashes: [UInt64], from slot: EndpointSlot, rank: Int) -> AnnouncedCounts {
    let counts = writer.withLock { writer in
      drain(&writer)
      let counts = writer.adopt(tokens, hashes, from: slot, rank: rank)
      finish(&writer)
      return counts
    }
    drainQueue()
    return counts
  }

  /// Blocks of an engine's cache that wait for an unknown parent. Waits for the writer.
  package func waitingBlocks(of slot: EndpointSlot, rank: Int) -> Int {
    defer { drainQueue() }
    return writer.withLock { $0.waitingBlocks(of: slot, rank: rank) }
  }
}
