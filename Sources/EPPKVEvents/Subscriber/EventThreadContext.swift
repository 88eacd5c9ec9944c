import EPPCore
import EPPMetrics
import EPPPrefixCache
import Logging
import ZeroMQ

/// What all streams of the event thread share: the socket library, scratch memory, and where results go. Belongs to that
/// thread.
final class EventThreadContext {
  let configuration: KVEventsConfiguration
  let index: PrefixIndex
  let metrics: PickerMetrics
  let series: KVEventSeries
  let logger: Logger
  /// Makes what learns an engine's earlier blocks from prompts; nil where that is not wanted.
  let adoption: LateJoinAdoptionFactory?
  let now: @Sendable () -> MonotonicTime
  let library: Context
  let poller: SocketPoller
  let decoder = KVEventDecoder()
  /// The message at hand.
  var message = Message()
  /// The batch at hand.
  var batch = KVEventBatch()
  /// Whose topics are whose.
  var topics = TopicDirectory()
  /// Sockets that are read without being reported by the poller.
  var ready: Set<UInt64> = []
  /// Bytes of all streams' messages that wait.
  var heldBytes = 0
  /// Who may ask for a replay.
  var turns: ReplayTurns
  private var followedRanks: [EndpointSlot: Set<Int>] = [:]
  private var seriesUsers: [SeriesLabels: Int] = [:]

  private struct SeriesLabels: Hashable {
    var endpoint: String
    var rank: Int
  }

  /// A name that is looked up holds up the library's thread and all streams that it serves: not all of them.
  private static let libraryThreads: Int32 = 4
  /// Tokens and hashes of a batch for which memory is kept: a prompt of a million tokens.
  private static let keptTokens = 1 << 20
  private static let keptHashes = 1 << 16

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

  /// Whether picks rely on a rank's events from now on.
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

  /// The series of a stream. Streams with the same labels share it: an endpoint with another address takes the place of the
  /// one with its name before that one goes.
  func takeSeries(endpoint: String, rank: Int) -> KVStreamSeries {
    seriesUsers[SeriesLabels(endpoint: endpoint, rank: rank), default: 0] += 1
    return metrics.kvStreamSeries(endpoint: endpoint, rank: rank)
  }

  /// Releases a stream's series; the last stream with the same labels takes it off the page.
  func giveBack(_ series: KVStreamSeries, endpoint: String, rank: Int) {
    let labels = SeriesLabels(endpoint: endpoint, rank: rank)
    let others = (seriesUsers[labels] ?? 1) - 1
    seriesUsers[labels] = others > 0 ? others : nil
    if others == 0 { series.remove() }
  }

  // MARK: - Memory

  /// Gives the memory of an unusually large batch back.
  func trim() {
    if batch.tokens.capacity > Self.keptTokens || batch.hashes.capacity > Self.keptHashes { batch = KVEventBatch() }
  }
}
