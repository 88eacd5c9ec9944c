import Glibc
import EPPCore
import NIOCore

/// Runs exchanges in a closed or an open loop and measures them. Use it on its event loop only.
final class LoadDriver: ExchangePoolDelegate {
  private enum Phase { case connecting, warmingUp, measuring, draining, finished }

  /// Longest time that open exchanges may take to end after the measured time.
  private static let drainTime = TimeAmount.seconds(5)
  /// Arrivals that wait to be opened at most.
  private static let backlogLimit = 1_000_000

  private let settings: LoadSettings
  private let plan: ExchangePlan
  private let eventLoop: any EventLoop
  private let promise: EventLoopPromise<LoadResult>
  private var pool: ExchangePool?
  private var phase = Phase.connecting
  private var statistics: LoadStatistics
  private var firstSample: CostSample?
  private var cost: ServerCost?
  private var unfinished = 0
  private var generator: SplitMix64
  private var nextArrival = NIODeadline.now()
  private var backlog: CircularBuffer<NIODeadline> = []
  private var nextConnection = 0

  private init(settings: LoadSettings, plan: ExchangePlan, eventLoop: any EventLoop) {
    self.settings = settings
    self.plan = plan
    self.eventLoop = eventLoop
    promise = eventLoop.makePromise()
    statistics = LoadStatistics(groups: plan.templates.count)
    generator = SplitMix64(seed: plan.seed ^ 0x5EED)
  }

  /// Runs one load. Must be called on `eventLoop`. The future fails when the server cannot be reached or closes a connection.
  static func run(settings: LoadSettings, plan: ExchangePlan, on eventLoop: any EventLoop) -> EventLoopFuture<
    LoadResult
  > {
    let driver = LoadDriver(settings: settings, plan: plan, eventLoop: eventLoop)
    driver.start()
    // The future holds the driver: the pool and the connections only refer to it weakly.
    let bound = NIOLoopBound(driver, eventLoop: eventLoop)
    return driver.promise.futureResult.always { _ in bound.value.pool?.close() }
  }

  private func start() {
    let pool = ExchangePool(plan: plan, delegate: self, eventLoop: eventLoop)
    self.pool = pool
    pool.connect().assumeIsolated().whenComplete { result in
      switch result {
      case .success: self.begin()
      case .failure(let error): self.fail(BenchError("cannot connect to \(self.plan.address): \(error)"))
      }
    }
  }

  private func begin() {
    guard phase == .connecting else { return }
    phase = .warmingUp
    let now = NIODeadline.now()
    let measureStart = now + .nanoseconds(Int64(settings.warmUp * 1e9))
    let measureEnd = measureStart + .nanoseconds(Int64(settings.duration * 1e9))
    schedule(at: measureStart) { $0.beginMeasuring() }
    schedule(at: measureEnd) { $0.beginDraining() }
    schedule(at: now + .seconds(1)) { $0.expireOld() }
    if settings.rate != nil {
      nextArrival = now
      arrive()
    } else {
      for _ in 0..<settings.concurrency where !beginExchange(intended: now) {
        return fail(BenchError("the server takes fewer streams on \(plan.connections) connections than --concurrency"))
      }
      pool?.flush()
    }
  }

  private func beginMeasuring() {
    guard phase == .warmingUp else { return }
    do { firstSample = try CostSample(serverID: settings.serverID) } catch { return fail(error) }
    phase = .measuring
  }

  private func beginDraining() {
    guard phase == .measuring, let firstSample else { return }
    do { cost = try CostSample(serverID: settings.serverID).cost(since: firstSample) } catch { return fail(error) }
    phase = .draining
    unfinished = (pool?.openCount ?? 0) + backlog.count
    backlog.removeAll()
    schedule(at: NIODeadline.now() + Self.drainTime) { $0.finish() }
    finishIfDrained()
  }

  private func finishIfDrained() {
    if phase == .draining, pool?.openCount == 0 { finish() }
  }

  private func finish() {
    guard phase == .draining, let cost else { return }
    phase = .finished
    promise.succeed(
      LoadResult(
        statistics: statistics, cost: cost, destinations: pool?.destinations ?? [], unfinished: unfinished))
  }

  private func fail(_ error: any Error) {
    guard phase != .finished else { return }
    phase = .finished
    promise.fail(error)
  }

  private var isRunning: Bool { phase == .warmingUp || phase == .measuring }

  // MARK: Arrivals

  /// Opens all exchanges that are due, and schedules the next arrival.
  private func arrive() {
    guard isRunning, let rate = settings.rate else { return }
    let now = NIODeadline.now()
    while nextArrival <= now {
      backlog.append(nextArrival)
      nextArrival = nextArrival + .nanoseconds(Int64(generator.interval(rate: rate) * 1e9))
    }
    openBacklog()
    pool?.flush()
    guard backlog.count <= Self.backlogLimit else {
      return fail(BenchError("the server is \(backlog.count) requests behind; lower --rate"))
    }
    schedule(at: nextArrival) { $0.arrive() }
  }

  private func openBacklog() {
    while let intended = backlog.first, let pool, pool.openCount < settings.concurrency,
      beginExchange(intended: intended)
    {
      backlog.removeFirst()
    }
  }

  /// Opens an exchange on the next connection that can open a stream. Returns false when none can.
  private func beginExchange(intended: NIODeadline) -> Bool {
    guard let pool else { return false }
    for _ in pool.connections.indices {
      let connection = pool.connections[nextConnection]
      nextConnection = (nextConnection + 1) % pool.connections.count
      guard connection.canOpen else { continue }
      pool.begin(on: connection, intended: intended)
      return true
    }
    return false
  }

  private func expireOld() {
    guard phase != .finished else { return }
    pool?.expire(openedBefore: NIODeadline.now() - .nanoseconds(Int64(settings.timeout * 1e9)))
    schedule(at: NIODeadline.now() + .seconds(1)) { $0.expireOld() }
  }

  private func schedule(at deadline: NIODeadline, _ action: @escaping (LoadDriver) -> Void) {
    eventLoop.assumeIsolated().scheduleTask(deadline: deadline) { action(self) }
  }

  // MARK: ExchangePoolDelegate

  func routed(slot: Int) {}

  func echoed(slot: Int, bytes: Int) {}

  func ended(slot: Int, _ record: ExchangeRecord, _ outcome: Exchange.Outcome, on connection: GRPCConnection) {
    switch outcome {
    case .failed(let failure): statistics.failures[failure, default: 0] += 1
    case .completed, .leftEarly:
      guard phase == .measuring else { break }
      statistics.recordCompleted(
        record, leftEarly: outcome == .leftEarly, isOpenLoop: settings.rate != nil, now: NIODeadline.now())
    }
    guard isRunning else { return finishIfDrained() }
    if settings.rate == nil {
      // On the same connection: it is flushed when the read that brought us here is over.
      if connection.canOpen { pool?.begin(on: connection, intended: NIODeadline.now()) }
    } else if !backlog.isEmpty {
      openBacklog()
      pool?.flush()
    }
  }

  func lost(_ connection: GRPCConnection) {
    guard phase != .finished else { return }
    fail(BenchError("the server at \(plan.address) closed a connection: \(connection.closeReason)"))
  }
}

extension SplitMix64 {
  /// Returns a random time to the next arrival of a Poisson process, in seconds.
  ///
  /// - Parameter rate: Arrivals per second.
  mutating func interval(rate: Double) -> Double { -log(1 - Double.random(in: 0..<1, using: &self)) / rate }
}
