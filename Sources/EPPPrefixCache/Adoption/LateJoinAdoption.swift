package import EPPCore

/// Identifies blocks that one data-parallel rank of an engine stored before its events were followed, from the tokens of
/// prompts.
///
/// The event stream calls it for each batch, and passes prompts on while `wantsPrompts` is true. Belongs to the event thread.
/// Without an adoption, blocks whose parents are not known stay unknown.
package protocol LateJoinAdoption: AnyObject {
  /// How the engine hashes its blocks, in one word for the status page; `unknown` until that is determined.
  var blockHashes: String { get }

  /// Whether prompts that are sent to the engine may identify further blocks.
  var wantsPrompts: Bool { get }

  /// Called before a batch of events is applied.
  func willApply(_ batch: borrowing KVEventBatch)

  /// Called after a batch of events was applied, with its effect on the index.
  func didApply(_ counts: AnnouncedCounts)

  /// Called when the engine was restarted, perhaps with other settings.
  func engineRestarted()

  /// Called for a prompt without adapter, salt or media that is sent to the engine.
  ///
  /// - Returns: what was added to the index.
  func take(prompt tokens: [UInt32], at now: MonotonicTime) -> AnnouncedCounts

  /// Called a few times a second while prompts are wanted.
  func tick()
}

/// Creates the adoption of one data-parallel rank of an endpoint.
package typealias LateJoinAdoptionFactory = @Sendable (PrefixIndex, EndpointSlot, _ rank: Int) -> any LateJoinAdoption
