import EPPCore
import EPPMetrics
import EPPPrefixCache
import Logging
import ZeroMQ

/// What all streams of the event thread work with: sockets' library, scratch memory, and where things go. Belongs to that
/// thread.
final class KVStreamWorkshop {
  let configuration: KVEventsConfiguration
  let index: PrefixIndex
  let metrics: PickerMetrics
  let series: KVEventSeries
  let logger: Logger
  let now: @Sendable () -> MonotonicTime
  let library = Context()
  let poller: SocketPoller
  let decoder = KVEventDecoder()
  /// The message at hand.
  var message = Message()
  /// The batch at hand.
  var batch = KVEventBatch()
  /// Whose topics are whose.
  var topics = TopicDirectory()
  /// Sockets to be looked at whether they are reported or not.
  var ready: Set<UInt64> = []
  /// Bytes of all streams' messages that wait.
  var heldBytes = 0
  private var followedRanks: [EndpointSlot: Set<Int>] = [:]
  private var runningReplays = 0
  /// Streams that wait to ask for a replay, in order.
  private var waitingReplays: [UInt64] = []

  init(
    configuration: KVEventsConfiguration, index: PrefixIndex, metrics: PickerMetrics, logger: Logger, waker: Waker,
    now: @escaping @Sendable () -> MonotonicTime
  ) throws(ZeroMQError) {
    self.configuration = configuration
    self.index = index
    self.metrics = metrics
    self.logger = logger
    self.now = now
    series = metrics.kvEventSeries()
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

  // MARK: - Turns

  /// A stream wants to ask for a replay; `nextReplays` names it when it may.
  func enqueueReplay(_ stream: UInt64) { waitingReplays.append(stream) }

  /// A stream that had its turn has none any more.
  func endReplay() { runningReplays -= 1 }

  /// A stream that waited for its turn has gone.
  func removeWaitingReplay(_ stream: UInt64) { waitingReplays.removeAll { $0 == stream } }

  /// Streams whose turn it is.
  func nextReplays() -> ArraySlice<UInt64> {
    let count = min(waitingReplays.count, configuration.maximumReplays - runningReplays)
    guard count > 0 else { return [] }
    let next = waitingReplays.prefix(count)
    waitingReplays.removeFirst(count)
    runningReplays += count
    return next
  }
}
