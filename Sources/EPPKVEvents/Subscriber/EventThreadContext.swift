import EPPCore
import EPPMetrics
import EPPPrefixCache
import Logging
import ZeroMQ

/// What all streams share: the socket library, scratch memory, and the destinations of results. Belongs to the event thread.
final class EventThreadContext {
  let configuration: KVEventsConfiguration
  let index: PrefixIndex
  let metrics: PickerMetrics
  let series: KVEventSeries
  let logger: Logger
  /// Makes the adoptions of earlier blocks; nil when that is disabled.
  let adoption: LateJoinAdoptionFactory?
  let now: @Sendable () -> MonotonicTime
  /// The ZeroMQ context of all sockets.
  let library: Context
  let poller: SocketPoller
  let decoder = KVEventDecoder()
  /// The current message.
  var message = Message()
  /// The current decoded batch.
  var batch = KVEventBatch()
  /// Finds the endpoint that a topic names.
  var topics = TopicDirectory()
  /// Tags of sockets that are read in the next round, whether the poller reports them or not.
  var ready: Set<UInt64> = []
  /// The size of the waiting messages of all streams in bytes.
  var heldBytes = 0
  /// Limits simultaneous replays.
  var turns: ReplayTurns
  private var followedRanks: [EndpointSlot: Set<Int>] = [:]
  private var seriesUsers: [SeriesLabels: Int] = [:]

  private struct SeriesLabels: Hashable {
    var endpoint: String
    var rank: Int
  }

  /// Several I/O threads, because a name look-up blocks a thread and all streams that it serves.
  private static let libraryThreads: Int32 = 4
  /// The largest number of tokens of a batch for which memory is kept: a prompt of a million tokens.
  private static let keptTokens = 1 << 20
  /// The largest number of hashes of a batch for which memory is kept.
  private static let keptHashes = 1 << 16

  /// - Throws: `ZeroMQError` when the process has no file descriptor left.
  init(
    configuration: KVEventsConfiguration, index: PrefixIndex, metrics: PickerMetrics, logger: Logger,
    adoption: LateJoinAdoptionFactory?, waker: Waker,
    now: @escaping @Sendable () -> MonotonicTime
  ) throws(ZeroMQError) {
    self.configuration = configuration
    self.index = index
    self.metrics = metrics
    self.logger = logger
    self.adoption = adoption
    self.now = now
    library = Context(maximumSockets: configuration.maximumSockets, threads: Self.libraryThreads)
    series = metrics.kvEventSeries()
    turns = ReplayTurns(maximum: configuration.maximumReplays, longest: configuration.longestReplayTurn)
    poller = try SocketPoller(waker)
  }

  // MARK: - Followed endpoints

  /// Sets whether picks rely on a rank's events. An endpoint is followed while any of its ranks is.
  func setFollowed(_ isFollowed: Bool, _ slot: EndpointSlot, rank: Int) {
    let before = followedRanks[slot]?.isEmpty == false
    if isFollowed {
      followedRanks[slot, default: []].insert(rank)
    } else {
      followedRanks[slot]?.remove(rank)
      if followedRanks[slot]?.isEmpty == true { followedRanks[slot] = nil }
    }
    if before != isFollowed, before != (followedRanks[slot] != nil) { index.setFollowed(isFollowed, slot) }
  }

  // MARK: - Series

  /// The series of a stream. Streams with equal labels share it: an endpoint with a new address is added before the old one
  /// with its name is removed.
  func takeSeries(endpoint: String, address: String, rank: Int) -> KVStreamSeries {
    seriesUsers[SeriesLabels(endpoint: endpoint, rank: rank), default: 0] += 1
    return metrics.kvStreamSeries(endpoint: endpoint, address: address, rank: rank)
  }

  /// Releases a stream's series; the last stream with equal labels removes it from the page.
  func giveBack(_ series: KVStreamSeries, endpoint: String, rank: Int) {
    let labels = SeriesLabels(endpoint: endpoint, rank: rank)
    let others = (seriesUsers[labels] ?? 1) - 1
    seriesUsers[labels] = others > 0 ? others : nil
    if others == 0 { series.remove() }
  }

  // MARK: - Memory

  /// Frees the memory of an unusually large batch.
  func trim() {
    if batch.tokens.capacity > Self.keptTokens || batch.hashes.capacity > Self.keptHashes { batch = KVEventBatch() }
  }
}
