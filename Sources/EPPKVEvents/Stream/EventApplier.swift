import EPPCore
import EPPMetrics
import EPPPrefixCache

/// Enters the messages of one stream into the index, and keeps those that wait for a replay. Belongs to the event thread.
struct EventApplier {
  /// Learns what the engine stored before its events were followed; nil where that is not wanted.
  let adoption: (any LateJoinAdoption)?
  /// Messages that were applied.
  private(set) var messages = 0
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

  /// Enters what a message says.
  ///
  /// - Parameter isDecoded: whether `EventThreadContext.batch` holds what the payload says.
  /// - Throws: when it is no KV events.
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

  /// Notes how many of the blocks could be indexed.
  mutating func noteUse(_ counts: AnnouncedCounts, hasReplay: Bool) -> BlockUse.Consequence {
    blockUse.note(counts, hasReplay: hasReplay)
  }

  /// Forgets all that was entered, and all that waits.
  mutating func stop() {
    dropHeld()
    reset()
    if wantsPrompts { context.index.setAdopting(false, slot) }
  }

  /// Forgets all that was entered.
  func reset() { context.index.resetEvents(from: slot, rank: rank) }

  /// Tells snapshots where the stream stands when that has changed without a message.
  func note(_ position: EventStreamPosition?) { context.index.notePosition(position, of: slot, rank: rank) }

  /// Whether prompts that are sent to the engine are of use.
  var wantsPrompts: Bool { adoption?.wantsPrompts ?? false }

  /// A prompt is sent to the engine.
  func take(prompt tokens: [UInt32], at now: MonotonicTime) {
    guard let adoption else { return }
    context.series.count(adopted: adoption.take(prompt: tokens, at: now))
  }

  // MARK: - Messages that wait

  var heldMessages: Int { held.count }

  /// Whether there is room for a message of so many bytes.
  func canHold(_ bytes: Int) -> Bool {
    held.bytes + bytes <= context.configuration.maximumHeldBytes
      && context.heldBytes + bytes <= context.configuration.maximumHeldBytesOfAll
  }

  mutating func hold(_ payload: RawSpan, number: UInt64) {
    held.append(payload, number: number)
    context.heldBytes += payload.byteCount
  }

  /// Takes a message out, and drops all older ones; nil when there is none with this number.
  mutating func takeHeld(_ number: UInt64) -> [UInt8]? {
    let before = held.bytes
    defer { context.heldBytes -= before - held.bytes }
    return held.take(number)
  }

  mutating func dropHeld() {
    context.heldBytes -= held.bytes
    held.removeAll()
  }
}
