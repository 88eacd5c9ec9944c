package import EPPCore
import EPPMetrics
package import EPPPrefixCache
import Synchronization

/// `mm-embeddings-cache-producer`: remembers which images, sounds and films were sent to which endpoints, as a picture of the
/// caches of the engines' encoders. Any thread may use it; its lock is held for a look-up of each item of a request.
package final class EncoderCache: DataProducer, PluginStateReporting {
  /// How much is remembered.
  package struct StateReport: Encodable {
    /// Endpoints with remembered items.
    package let endpoints: Int
    /// Items of all endpoints.
    package let items: Int
  }

  // MARK: Parameters

  /// llm-d's assumption about the size of an item's embeddings.
  private static let megabytesPerItem = 2
  private static let megabytes = TypedParameter<Int?>.integer(
    "cacheSizeInMBPerServer", -1...100_000_000,
    "MiB of an engine's cache of embeddings, of which an item takes \(megabytesPerItem); 4096 where it is not positive")
  private static let olderMegabytes = TypedParameter<Int?>.integer(
    "cacheSizeInMB", -1...100_000_000, "Older name of cacheSizeInMBPerServer")

  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "mm-embeddings-cache-producer",
    "Remembers which images, sounds and films were sent to which endpoints",
    parameters: [
      megabytes.declaration, olderMegabytes.declaration,
      PluginParameter(
        "encodeProfile", .ignored(because: nil), "Has no effect: the profile handler says which profile encodes"),
    ],
    isInjected: true, parts: [.dataProducer { EncoderCache($0, $1) }, .builtIn(.extractor)])

  private let maximumItems: Int
  private let items = Mutex<[EndpointSlot: RecentSet<MediaItem>]>([:])
  private let series: EncoderCacheSeries?

  private init(_ arguments: PluginArguments, _ environment: PluginEnvironment) {
    let given = arguments[Self.megabytes] ?? arguments[Self.olderMegabytes] ?? 0
    maximumItems = max(1, (given > 0 ? given : 4096) / Self.megabytesPerItem)
    series = environment.metrics?.encoderCache(
      pluginName: environment.pluginName, pluginType: Self.descriptor.type)
  }

  package func stateReport() -> StateReport {
    items.withLock { items in
      StateReport(endpoints: items.count, items: items.values.reduce(0) { $0 + $1.size })
    }
  }

  /// The share of a request's items that each candidate is taken to hold, in the order of the candidates; nothing for a request
  /// without items.
  func shares(_ context: borrowing SchedulingContext, into shares: consuming MutableSpan<Double>) {
    let media = context.request.media
    guard !media.isEmpty else { return }
    items.withLock { items in
      for (position, slot) in context.slots.enumerated() {
        guard let held = items[slot] else { continue }
        shares[position] = Double(media.count(where: held.contains)) / Double(media.count)
      }
    }
  }

  package func produce(
    _ context: borrowing SchedulingContext, _ prompt: inout PrefixQuery, into match: inout ProducedMatch
  ) {
    guard let series, !context.request.media.isEmpty else { return }
    let media = context.request.media
    for item in media { series.countQuery(item.modality) }
    let slots = context.slots
    // Counting looks series up, and does so outside of the lock.
    let found = items.withLock { items in
      slots.map { slot in items[slot].map { held in media.filter(held.contains) } ?? [] }
    }
    let members = context.snapshot.members
    for (position, items) in found.enumerated() {
      let name = members[context.candidates[position]].endpoint.name
      for item in items { series.countHit(item.modality, endpoint: name) }
      series.ratio.observe(ratio: Double(items.count) / Double(media.count))
    }
  }

  package func picked(
    _ pick: borrowing PickedRequest, _ context: borrowing SchedulingContext, _ prompt: inout PrefixQuery,
    _ effects: inout PickEffects
  ) {
    let media = pick.request.media
    guard !media.isEmpty else { return }
    // The embeddings are where the encoder runs: on endpoints of their own, else with the prompt's computation.
    let encoding = pick.others.filter { $0.stage == .encode }.map(\.endpoint.slot)
    let computing = pick.others.first { $0.stage == .prefill }?.endpoint.slot ?? pick.endpoint.slot
    items.withLock { items in
      for slot in encoding.isEmpty ? [computing] : encoding {
        for item in media { items[slot, default: RecentSet(maximum: maximumItems)].use(item) }
      }
    }
  }

  package func upkeep(_ snapshot: PoolSnapshot, now: MonotonicTime) {
    let present = Set(snapshot.members.map(\.endpoint.slot))
    items.withLock { items in
      for slot in items.keys where !present.contains(slot) { items[slot] = nil }
    }
  }
}
