import EPPCore
import EPPMetrics
import EPPPrefixCache
import Logging
import ZeroMQ

/// The event thread's loop: waits for sockets and lets streams receive in turns, so that none starves the others.
final class KVEventLoop {
  private let mailbox: KVEventMailbox
  private let configuration: KVEventsConfiguration
  private let context: EventThreadContext
  private let central: CentralPublisherSocket?
  private let resuming: KVEventSubscriber.Resuming
  private var endpoints: [EndpointSlot: FollowedEndpoint] = [:]
  private var streams: [UInt64: KVStream] = [:]
  private var lastStream: UInt64 = 0
  private var isStopping = false
  private var nextTick: MonotonicTime

  /// An endpoint and the streams of its ranks.
  struct FollowedEndpoint {
    var endpoint: Endpoint
    var streams: [KVStream] = []
    var startTime: Double?
    var resynchronisedAt: MonotonicTime?
  }

  /// The largest number of messages read from one socket before the others are served; each takes some 100 µs.
  private static let messagesPerTurn = 64
  private static let tickInterval = Duration.milliseconds(200)
  /// The shortest interval between two resynchronisations of an endpoint (the llm-d EPP's interval).
  private static let resynchronisationInterval = Duration.seconds(30)

  /// - Throws: `ZeroMQError` when the process has no file descriptor left, or `bindAddress` cannot be used.
  init(
    mailbox: KVEventMailbox, configuration: KVEventsConfiguration, index: PrefixIndex, metrics: PickerMetrics,
    logger: Logger, adoption: LateJoinAdoptionFactory?, resuming: @escaping KVEventSubscriber.Resuming,
    now: @escaping @Sendable () -> MonotonicTime
  ) throws(ZeroMQError) {
    self.mailbox = mailbox
    self.resuming = resuming
    self.configuration = configuration
    context = try EventThreadContext(
      configuration: configuration, index: index, metrics: metrics, logger: logger, adoption: adoption,
      waker: mailbox.waker, now: now)
    central = if let address = configuration.bindAddress { try CentralPublisherSocket(address, context) } else { nil }
    mailbox.boundAddress = central?.address
    nextTick = now()
  }

  /// Runs until a `stop` command.
  func run() {
    while !isStopping {
      wait()
      for command in mailbox.takeCommands() { perform(command) }
      let ready = context.ready
      context.ready.removeAll(keepingCapacity: true)
      for number in ready where serve(number) { context.ready.insert(number) }
      tick()
      for id in context.turns.next() { streams[id]?.takeTurn() }
    }
    for stream in streams.values { stream.stop() }
    streams.removeAll()
    mailbox.streams = []
  }

  private func wait() {
    let due = nextTick.duration(since: context.now())
    let milliseconds = Int32(clamping: max(0, due.wholeMilliseconds))
    context.poller.wait(milliseconds: context.ready.isEmpty ? milliseconds + 1 : 0) { [context] in
      context.ready.insert($0)
    }
  }

  /// Lets a socket's owner receive.
  ///
  /// - Returns: whether there may be more messages.
  private func serve(_ number: UInt64) -> Bool {
    guard let tag = SocketTag(number: number) else { return false }
    if tag.stream == CentralPublisherSocket.streamID { return serveCentral() }
    guard let stream = streams[tag.stream] else { return false }
    switch tag.part {
    case .events: return stream.receiveMessages(Self.messagesPerTurn)
    case .replay: return stream.receiveReplay(Self.messagesPerTurn)
    case .connection:
      stream.receiveConnectionEvents()
      return false
    }
  }

  private func serveCentral() -> Bool {
    guard let central else { return false }
    for _ in 0..<Self.messagesPerTurn {
      guard central.socket.receive(into: &context.message) else { return false }
      receivedCentralMessage(central)
    }
    return true
  }

  private func tick() {
    let now = context.now()
    guard now >= nextTick else { return }
    nextTick = now.advanced(by: Self.tickInterval)
    var states: [KVStreamState: Int] = [:]
    var statuses: [KVStreamStatus] = []
    for stream in streams.values {
      stream.tick(now)
      states[stream.sequenceState, default: 0] += 1
      statuses.append(stream.status)
    }
    context.trim()
    for followed in endpoints.values { noteAdoption(followed) }
    for state in KVStreamState.allCases { context.series.streams(in: state.rawValue).set(states[state] ?? 0) }
    context.series.setSubscribers(streams.count, waiting: statuses.reduce(0) { $0 + $1.heldMessages })
    mailbox.streams = statuses.sorted { ($0.endpoint, $0.rank) < ($1.endpoint, $1.rank) }
  }

  // MARK: - Commands

  private func perform(_ command: KVEventMailbox.Command) {
    switch command {
    case .follow(let endpoint): follow(endpoint)
    case .unfollow(let slot): unfollow(slot)
    case .resynchronise(let slot, let contradiction): resynchronise(slot, contradiction)
    case .started(let slot, let time): noteStart(of: slot, at: time)
    case .unmatched(let slot): for stream in endpoints[slot]?.streams ?? [] { stream.warnUnmatched() }
    case .prompt(let tokens, let slot): for stream in endpoints[slot]?.streams ?? [] { stream.adopt(tokens) }
    case .stop: isStopping = true
    }
  }

  private func follow(_ endpoint: Endpoint) {
    let addresses = KVStreamAddress.all(of: endpoint, configuration)
    let known = endpoints[endpoint.slot]
    if let known, isFollowed(known, at: addresses, replayOf: endpoint) {
      endpoints[endpoint.slot]?.endpoint = endpoint
      context.topics.insert(endpoint)
      return
    }
    unfollow(endpoint.slot)
    endpoints[endpoint.slot] = FollowedEndpoint(endpoint: endpoint, startTime: known?.startTime)
    context.topics.insert(endpoint)
    for address in addresses { add(endpoint, address).start() }
  }

  /// Whether the existing streams follow an endpoint at its current addresses. Streams of engines that connect to this process
  /// are compared by their replay address only.
  private func isFollowed(
    _ known: FollowedEndpoint, at addresses: [KVStreamAddress], replayOf endpoint: Endpoint
  ) -> Bool {
    known.streams.map(\.address).filter { $0.events != nil } == addresses
      && known.streams.allSatisfy { stream in
        stream.address.events != nil
          || stream.address.replay == KVStreamAddress.replay(of: endpoint, rank: stream.address.rank, configuration)
      }
  }

  private func add(_ endpoint: Endpoint, _ address: KVStreamAddress) -> KVStream {
    lastStream += 1
    let stream = KVStream(id: lastStream, endpoint: endpoint, address: address, context)
    streams[stream.id] = stream
    endpoints[endpoint.slot]?.streams.append(stream)
    if let snapshot = resuming(endpoint, address.rank) { stream.resume(snapshot) }
    if let time = endpoints[endpoint.slot]?.startTime { stream.noteStart(at: time) }
    return stream
  }

  private func unfollow(_ slot: EndpointSlot) {
    for stream in endpoints.removeValue(forKey: slot)?.streams ?? [] {
      streams[stream.id] = nil
      stream.stop()
    }
    context.topics.remove(slot)
  }

  private func resynchronise(_ slot: EndpointSlot, _ contradiction: CacheContradiction) {
    let now = context.now()
    if let last = endpoints[slot]?.resynchronisedAt, now < last.advanced(by: Self.resynchronisationInterval) { return }
    endpoints[slot]?.resynchronisedAt = now
    for stream in endpoints[slot]?.streams ?? [] { stream.resynchronise(contradiction) }
  }

  private func noteStart(of slot: EndpointSlot, at time: Double) {
    for stream in endpoints[slot]?.streams ?? [] { stream.noteStart(at: time) }
    // An earlier time is ignored, as streams do: a new stream would take the present time for a later one otherwise.
    if let known = endpoints[slot]?.startTime, time <= known { return }
    endpoints[slot]?.startTime = time
  }

  /// Ends the request for an endpoint's prompts when none of its streams wants them any more.
  private func noteAdoption(_ followed: FollowedEndpoint) {
    guard followed.streams.contains(where: \.wantsPrompts) else { return }
    for stream in followed.streams { stream.tickAdoption() }
    if !followed.streams.contains(where: \.wantsPrompts) { context.index.setAdopting(false, followed.endpoint.slot) }
  }

  // MARK: - Publishers that connect to this process

  /// Passes a message of the central socket to the stream that its topic and rank name.
  private func receivedCentralMessage(_ central: CentralPublisherSocket) {
    guard let (slot, rank) = central.sender(), let followed = endpoints[slot] else { return }
    // Two publishers with counters of their own would look like an engine that restarts with every message, and ranks
    // that do not exist would get caches of their own.
    if let events = followed.streams.lazy.compactMap(\.address.events).first {
      return central.noteFollowed(at: events)
    }
    let stream = followed.streams.first { $0.address.rank == rank } ?? admit(followed.endpoint, rank)
    stream.receivedMessage(isDecoded: true)
  }

  private func admit(_ endpoint: Endpoint, _ rank: Int) -> KVStream {
    let replay = KVStreamAddress.replay(of: endpoint, rank: rank, configuration)
    let stream = add(endpoint, KVStreamAddress(events: nil, replay: replay, rank: rank))
    stream.start()
    return stream
  }
}
