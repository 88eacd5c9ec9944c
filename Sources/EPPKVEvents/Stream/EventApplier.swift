import EPPCore
import EPPMetrics
import EPPPrefixCache

/// Applies the messages of one stream to the index, and keeps messages that wait for a replay. Belongs to the event thread.
struct EventApplier {
  /// Identifies blocks that the engine stored before its events were followed; nil when that is disabled.
  let adoption: (any LateJoinAdoption)?
  /// The number of applied messages.
  private(set) var messages = 0
  /// The share of blocks that can be indexed.
  private(set) var blockUse = BlockUse()

  private let slot: EndpointSlot
  private let rank: Int
  private let context: EventThreadContext
  private var held = HeldMessages()

  init(_ slot: EndpointSlot, rank: Int, _ context: EventThreadContext) {
    self.slot = slot
    self.rank = rank
    self.context = context
    adoption = context.adoption?(context.index, slot, rank)
  }

  /// Applies a message to the index.
  ///
  /// - Parameter isDecoded: whether `EventThreadContext.batch` already holds the decoded payload.
  /// - Throws: when the payload cannot be decoded.
  mutating func apply(
    _ payload: RawSpan, isDecoded: Bool, _ position: EventStreamPosition
  ) throws(MessagePackError) -> AnnouncedCounts {
    if !isDecoded { try context.decoder.decode(payload, into: &context.batch) }
    let wantedPrompts = wantsPrompts
    adoption?.willApply(context.batch)
    let counts = context.index.apply(context.batch, from: slot, rank: rank, position: position)
    adoption?.didApply(counts)
    if wantsPrompts, !wantedPrompts { context.index.setAdopting(true, slot) }
    context.series.count(counts)
    messages += 1
    return counts
  }

  /// Counts the blocks that could be indexed.
  mutating func noteUse(_ counts: AnnouncedCounts, hasReplay: Bool) -> BlockUse.Consequence {
    blockUse.note(counts, hasReplay: hasReplay)
  }

  /// Forgets all applied and waiting messages.
  mutating func stop() {
    dropHeld()
    reset()
    if wantsPrompts { context.index.setAdopting(false, slot) }
  }

  /// Forgets all applied messages.
  func reset() { context.index.resetEvents(from: slot, rank: rank) }

  /// Reports the stream's position to the index when it has changed without a message.
  func note(_ position: EventStreamPosition?) { context.index.notePosition(position, of: slot, rank: rank) }

  /// Whether prompts that are sent to the engine may identify unknown blocks.
  var wantsPrompts: Bool { adoption?.wantsPrompts ?? false }

  /// Passes on a prompt that is sent to the engine.
  func take(prompt tokens: [UInt32], at now: MonotonicTime) {
    guard let adoption else { return }
    context.series.count(adopted: adoption.take(prompt: tokens, at: now))
  }

  // MARK: - Messages that wait

  /// The number of messages that wait for a replay.
  var heldMessages: Int { held.count }

  /// Whether there is room for a waiting message of this size.
  func canHold(_ bytes: Int) -> Bool {
    held.bytes + bytes <= context.configuration.maximumHeldBytes
      && context.heldBytes + bytes <= context.configuration.maximumHeldBytesOfAll
  }

  /// Keeps a copy of a message until the replay has ended.
  mutating func hold(_ payload: RawSpan, number: UInt64) {
    held.append(payload, number: number)
    context.heldBytes += payload.byteCount
  }

  /// Removes and returns a waiting message, and drops all older ones; nil when there is none with this number.
  mutating func takeHeld(_ number: UInt64) -> [UInt8]? {
    let before = held.bytes
    defer { context.heldBytes -= before - held.bytes }
    return held.take(number)
  }

  /// Drops all waiting messages.
  mutating func dropHeld() {
    context.heldBytes -= held.bytes
    held.removeAll()
  }
}
