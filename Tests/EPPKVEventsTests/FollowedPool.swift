import EPPCore
import EPPKVEvents
import EPPMetrics
import EPPPrefixCache
import EPPTestKit
import Logging
import Testing

/// A subscriber with its index, metrics and log.
struct FollowedPool {
  let index: PrefixIndex
  let metrics = PickerMetrics()
  let log = LogRecorder()
  let subscriber: KVEventSubscriber

  /// Impatient where nothing but the clock would be tested. Not with replays: where tests compute on all cores a publisher's
  /// thread may be away for seconds, and what is not answered is lost.
  static var configuration: KVEventsConfiguration {
    var configuration = KVEventsConfiguration()
    configuration.quietAfterConnect = .milliseconds(50)
    configuration.quietAfterMessage = .milliseconds(100)
    configuration.replayIdleTimeout = .seconds(10)
    configuration.reviveAfter = .milliseconds(100)
    configuration.disconnectedAfter = .milliseconds(300)
    // Four restarts may take a minute of such a machine.
    configuration.restartWindow = .seconds(3600)
    return configuration
  }

  /// Impatient with replays too: for publishers that never answer as they should.
  static var impatient: KVEventsConfiguration {
    var configuration = configuration
    configuration.replayIdleTimeout = .milliseconds(300)
    configuration.replayPause = .milliseconds(50)
    return configuration
  }

  init(
    _ configuration: KVEventsConfiguration = Self.configuration, adoption: LateJoinAdoptionFactory? = nil,
    resuming: @escaping KVEventSubscriber.Resuming = { _, _ in nil }
  ) throws {
    index = PrefixIndex(hasher: BlockHasher(seed: HashSeed(first: 1, second: 2)))
    let clock = ContinuousClock()
    let start = clock.now
    subscriber = try KVEventSubscriber(
      configuration: configuration, index: index, metrics: metrics, logger: log.logger,
      adoption: adoption, resuming: resuming
    ) {
      let (seconds, attoseconds) = (clock.now - start).components
      return MonotonicTime(
        nanoseconds: 1_000_000_000 + UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000))
    }
  }

  /// An endpoint with a publisher.
  func follow(_ publisher: TestPublisher, number: Int = 0, hasReplay: Bool = true) -> Endpoint {
    let endpoint = Self.endpoint(
      number, events: publisher.events, replay: hasReplay ? publisher.replay : nil)
    subscriber.follow(endpoint)
    return endpoint
  }

  static func endpoint(_ number: Int, events: String? = nil, replay: String? = nil) -> Endpoint {
    Endpoint(
      name: "engine-\(number)", address: EndpointAddress(host: "10.0.0.\(number)", port: 8000), kvEvents: events,
      kvReplay: replay, slot: EndpointSlot(index: number, generation: 1))
  }

  /// Blocks of one token that the endpoint is known to hold of a prompt.
  func depth(_ tokens: [UInt32], _ endpoint: Endpoint) -> Int {
    var prompt = CanonicalPrompt()
    prompt.tokens = tokens
    prompt.prompts = [0..<tokens.count]
    var query = PrefixQuery()
    query.begin(
      for: prompt, request: InferenceRequest(api: .completions), hasher: index.hasher, maximumTokens: 1 << 20,
      blockTokens: 1, loRAName: nil)
    var match = PrefixMatch()
    index.match(&query, into: &match)
    return match.matchedBlocks(endpoint.slot)
  }

  func status(_ endpoint: Endpoint) -> KVStreamStatus? {
    subscriber.currentStreams().first { $0.endpoint == endpoint.name }
  }

  /// Waits for something to become true: long, for on two cores hundreds of tests run at the same time, and until it has
  /// been looked at many times, for tests that compute hold up those that wait.
  func eventually(
    _ what: Comment, within time: Duration = .seconds(120), location: SourceLocation = #_sourceLocation,
    _ condition: () -> Bool
  ) async throws {
    let end = ContinuousClock.now + time
    var looks = 0
    while !condition() {
      looks += 1
      guard looks < 100 || ContinuousClock.now < end else {
        Issue.record(
          "\(what.rawValue) did not come true: \(subscriber.currentStreams()), \(log.lines(.warning))",
          sourceLocation: location)
        throw CancellationError()
      }
      try await Task.sleep(for: .milliseconds(2))
    }
  }

  /// A line of the metrics page.
  func metric(_ name: String) -> String? {
    String(decoding: metrics.page(), as: UTF8.self).split(separator: "\n").first { $0.hasPrefix(name + " ") }
      .map { String($0.dropFirst(name.count + 1)) }
  }
}
