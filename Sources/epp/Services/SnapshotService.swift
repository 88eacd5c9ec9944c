import EPPCore
import EPPDataLayer
import EPPRouting
import FoundationEssentials
import Logging
import NIOPosix
import ServiceLifecycle

/// Writes the index to its file every 30 seconds, and once more at shutdown. It writes on a thread of its own: a disk may take
/// seconds, and would block one of the few threads of Swift's tasks.
struct SnapshotService: Service {
  /// Reads and writes the file.
  let snapshots: IndexSnapshots
  /// Parts of the file whose endpoints have not appeared yet.
  let pending: PendingSnapshots
  /// The source of the current endpoints.
  let store: EndpointStore
  /// The logger of what was read and written.
  let logger: Logger

  private static let interval = Duration.seconds(30)
  /// Intervals after which the pending parts of the file are dropped.
  private static let roundsToWait = 10

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var rounds = 0
      while (try? await Task.sleep(for: Self.interval)) != nil {
        rounds += 1
        if rounds == Self.roundsToWait { pending.removeAll() }
        // After a cancellation this does not write; the last snapshot is written below.
        try? await NIOThreadPool.singleton.runIfActive { write() }
      }
    }
    try await NIOThreadPool.singleton.runIfActive { write() }
  }

  private func write() {
    do {
      let summary = try snapshots.write(endpoints, and: pending, now: Date().timeIntervalSince1970)
      logger.debug("index snapshot written", metadata: metadata(of: summary))
    } catch {
      logger.warning("the index snapshot is not written: \(error)")
    }
  }

  private var endpoints: [Endpoint] { store.currentSnapshot().members.map(\.endpoint) }

  private func metadata(of summary: IndexSnapshots.Summary) -> Logger.Metadata {
    ["blocks": .stringConvertible(summary.blocks), "bytes": .stringConvertible(summary.bytes)]
  }

  /// Reads the file. Has to be called before endpoints are discovered. Errors are logged.
  func read() {
    do {
      guard let summary = try snapshots.read(to: pending) else {
        logger.info("there is no index snapshot yet")
        return
      }
      for problem in summary.problems { logger.warning("a part of the index snapshot is not used: \(problem)") }
      var metadata = metadata(of: summary)
      metadata["age_s"] = .stringConvertible(summary.age(at: Date().timeIntervalSince1970))
      logger.info("index snapshot read", metadata: metadata)
    } catch {
      logger.warning("the index snapshot is not used: \(error)")
    }
  }
}
