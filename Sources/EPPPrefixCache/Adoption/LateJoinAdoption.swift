package import EPPCore

/// Learns from prompts which blocks one data-parallel rank of an engine stored before its events were followed.
///
/// The stream of events tells it what comes, batch by batch, and passes on prompts as long as they are wanted. Belongs to the event
/// thread. Without one, blocks whose parents are not known stay unknown.
package protocol LateJoinAdoption: AnyObject {
  /// How the engine hashes its blocks, in a word for the status page; `unknown` as long as nothing tells.
  var blockHashes: String { get }

  /// Whether prompts that are sent to the engine can tell more.
  var wantsPrompts: Bool { get }

  /// A batch of events is about to be applied.
  func willApply(_ batch: borrowing KVEventBatch)

  /// A batch of events was applied.
  func didApply(_ counts: AnnouncedCounts)

  /// The engine was started anew, perhaps with other settings.
  func engineRestarted()

  /// A prompt without adapter, salt or media is sent to the engine.
  ///
  /// - Returns: what was entered into the index.
  func take(prompt tokens: [UInt32], at now: MonotonicTime) -> AnnouncedCounts

  /// Time has passed: to be called a few times a second while prompts are wanted.
  func tick()
}

/// Makes the adoption of one data-parallel rank of an endpoint.
package typealias LateJoinAdoptionFactory = @Sendable (PrefixIndex, EndpointSlot, _ rank: Int) -> any LateJoinAdoption
