import DequeModule
package import EPPCore
import Synchronization

/// Which endpoint holds which prefixes: what request threads ask, and what they and the engines' events tell it.
///
/// Any thread may call it. Asking takes no lock. Telling of picks and of the pool never waits for another thread either:
/// one thread at a time writes, and one that finds it at work leaves what it has to say in a queue, of which whoever writes
/// next enters a bounded part. Events, adoption, snapshots and upkeep wait for their turn, on threads of their own.
package final class PrefixIndex: Sendable {
  /// How much the index may hold.
  package struct Limits: Sendable {
    /// Tokens in a block of text, at 4 bytes a token. Text is matched in larger blocks than engines have: a prompt of
    /// 400 KB costs 600 µs of index work in blocks of 16, and a quarter of that in these.
    package var textBlockTokens = 64
    /// A cache of unknown size in tokens: llm-d's default, 31,250 blocks of 16.
    package static let standardTokens = 500_000
    /// Blocks of text taken for an endpoint whose cache size is unknown.
    package var defaultBlocks: Int
    /// Bytes of the whole index, shared equally between the endpoints. A table that grows has its old arrays beside
    /// the new ones for a moment, which are not counted.
    package var maximumBytes = 2 << 30
    /// Blocks in picks that wait to be entered; picks beyond that are not entered.
    package var maximumWaitingBlocks = 1 << 20
    /// What a request thread enters at most of that which others have left in the queue, beside its own: changes, and blocks in
    /// picks. A block takes about 50 ns, so a request waits 0.2 ms at most for others' changes; one change is entered in any
    /// case.
    package var changesPerTurn = 256
    package var blocksPerTurn = 4096

    /// The defaults.
    package init() { defaultBlocks = Self.standardTokens / textBlockTokens }
  }

  /// For how long a pick's blocks count.
  package enum Entry: Sendable {
    /// As long as there is room: what was sent where is all that is known of the endpoint.
    case routed
    /// Until the engine announces them itself, and at the latest until this time.
    case speculative(until: MonotonicTime)
  }

  /// Something to be entered.
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

    /// Takes the oldest changes, as far as a share goes.
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

  /// What one caller enters of the queue at most, counted down.
  struct Share {
    var changes: Int
    var blocks: Int

    /// For threads that have the time.
    static let all = Share(changes: .max, blocks: .max)
  }

  private let index: BlockIndex
  private let worth: TierWeights
  /// How much it may hold.
  package let limits: Limits
  /// Makes the keys of queries that are asked here.
  package let hasher: BlockHasher
  let writer: Mutex<IndexWriter>
  private let queue = Mutex(Queue())
  /// Changes in the queue.
  private let waiting = Atomic<Int>(0)
  private let statistics = Mutex(Statistics())
  /// Picks that were not entered because too many waited.
  private let droppedPicks = Atomic<Int>(0)
  private let announcements = Mutex(AnnouncedSlots())

  /// What engines' events say of the pool as a whole.
  package struct Announcements: Sendable {
    /// Endpoints whose events are followed: asked about prompts by their token ids.
    package var followed = SlotSet.empty
    /// Endpoints that hold blocks whose parents are not known: prompts that are sent there may tell (`adopt`).
    package var adopting = SlotSet.empty
    /// Endpoints behind which more than one data-parallel rank has announced something. Each has a cache of its own, and
    /// which one serves a request is known to the engine alone: what one holds is no promise.
    package var ranked = SlotSet.empty
    /// Tokens in a block, as announced last.
    package var blockTokens = 16
    /// LoRA adapters that blocks were computed with. A model that is none of them is taken for the base model.
    package var loRANames: Set<String> = []

    package init() {}
  }

  /// How full the index is.
  package struct Statistics: Sendable, Equatable {
    /// Pairs of a block and an endpoint's cache.
    package var pairs = 0
    /// Different blocks.
    package var blocks = 0
    /// Bytes of all tables.
    package var bytes = 0
    /// Entries refused because memory was used up, and picks because too many waited.
    package var refused = 0

    package init() {}
  }

  /// An index that holds nothing yet.
  ///
  /// - Parameter hasher: the one that queries use: events are keyed by it.
  package init(limits: Limits = Limits(), hasher: BlockHasher, worth: TierWeights = TierWeights()) {
    guard let index = BlockIndex() else { preconditionFailure("no memory for an empty index") }
    self.index = index
    self.limits = limits
    self.hasher = hasher
    self.worth = worth
    writer = Mutex(IndexWriter(index, limits: limits, hasher: hasher))
  }

  // MARK: - Asking

  /// Finds for every endpoint how deep the prompts are held there, and makes the query's keys only as far as some
  /// endpoint may hold them.
  package func match(_ query: inout PrefixQuery, into match: inout PrefixMatch) {
    index.match(&query, worth: worth, into: &match)
  }

  /// What engines' events say of the pool as a whole.
  package func currentAnnouncements() -> Announcements { announcements.withLock { $0.current } }

  /// How full the index is, as of the last change.
  package func currentStatistics() -> Statistics { statistics.withLock { $0 } }

  // MARK: - Telling

  /// Enters the prompts for an endpoint at once, or as soon as the writer has time, and makes the keys that are left.
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

  /// A speculative pick has come so far that the engine will announce its blocks by this time, or never.
  package func settle(_ record: PickRecord, until time: MonotonicTime) { submit(.settle(record, until: time)) }

  /// Whether an endpoint's events are followed from now on.
  package func setFollowed(_ isFollowed: Bool, _ slot: EndpointSlot) {
    announcements.withLock { $0.set(isFollowed, slot, in: \.followed) }
  }

  /// Whether prompts that are sent to an endpoint are of use to learn what it holds.
  package func setAdopting(_ isAdopting: Bool, _ slot: EndpointSlot) {
    announcements.withLock { $0.set(isAdopting, slot, in: \.adopting) }
  }

  /// Remembers that an endpoint has several ranks, as long as it is in the pool: one that is learned anew is still there.
  func publishRanks(_ writer: borrowing IndexWriter, of slot: EndpointSlot) {
    guard writer.hasSeveralRanks(slot) else { return }
    announcements.withLock { $0.set(true, slot, in: \.ranked) }
  }

  /// Takes back what a pick has entered, as far as no other pick has used it since.
  package func forget(_ record: PickRecord) { submit(.forget(record)) }

  /// Another endpoint served than was picked: the entries follow it.
  package func move(_ record: PickRecord, to slot: EndpointSlot) -> PickRecord {
    let moved = PickRecord(slot: slot)
    submit(.move(record, to: moved))
    return moved
  }

  /// The endpoint's cache holds so many tokens: what does not fit any more goes, least recently used first.
  package func setCapacity(tokens: Int, of slot: EndpointSlot) {
    submit(.setCapacity(tokens: tokens, of: slot))
  }

  /// The engine's own page says how many tokens a block has: of the groups that its events announce, those of that size count
  /// for more.
  package func setBlockTokens(_ tokens: Int, of slot: EndpointSlot) { submit(.setBlockTokens(tokens, of: slot)) }

  /// The endpoint has left the pool.
  package func remove(_ slot: EndpointSlot) {
    setFollowed(false, slot)
    setAdopting(false, slot)
    announcements.withLock { $0.set(false, slot, in: \.ranked) }
    submit(.remove(slot))
  }

  /// Applies what an engine says of its cache. Waits for the writer: for the thread that events come in on.
  ///
  /// - Parameters:
  ///   - rank: the data-parallel rank, each of which has a cache of its own.
  ///   - position: how far the engine's stream is applied with this batch, for snapshots; nil when nothing goes on from
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

  func publishNews(_ writer: inout IndexWriter) {
    guard let news = writer.takeNews() else { return }
    announcements.withLock { announcements in
      announcements.current.blockTokens = news.blockTokens
      announcements.current.loRANames = news.loRANames
    }
  }

  /// Forgets all that an engine, or one rank of it, has announced.
  package func resetEvents(from slot: EndpointSlot, rank: Int = 0) {
    writer.withLock { writer in
      drain(&writer)
      writer.reset(slot, rank: rank)
      finish(&writer)
    }
    drainQueue()
  }

  /// Goes on with what takes long: forgetting endpoints that have left, and giving memory back. To be called a few times
  /// a second. Waits for the writer.
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

  /// Changes that wait in the queue.
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

  /// Enters what waits, unless somebody else does: that one looks again after it has let the writer go. What is more than the
  /// share of one caller is left to the next one, or to `maintain`.
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

  /// Enters all that waits.
  func drain(_ writer: inout IndexWriter) {
    var share = Share.all
    drain(&writer, &share)
  }

  /// Enters as much of what waits as the share allows; whether nothing is left.
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

  /// A little upkeep with every change, and what readers of statistics see.
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

/// Blocks that engines held before anybody listened. For the thread that events come in on: it waits for the writer.
extension PrefixIndex {
  /// Places what is known of an engine's cache but for its parent, where the parent is a block of a prompt.
  ///
  /// - Parameters:
  ///   - tokens: of a prompt without adapter, salt or media.
  ///   - hashes: what the engine calls its blocks (`EngineBlockHasher.hashes`).
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

  /// Blocks of an engine's cache that are known but for their parent.
  package func waitingBlocks(of slot: EndpointSlot, rank: Int) -> Int {
    defer { drainQueue() }
    return writer.withLock { $0.waitingBlocks(of: slot, rank: rank) }
  }
}
