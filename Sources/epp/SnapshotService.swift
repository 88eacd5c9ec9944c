import EPPCore
import EPPDataLayer
import EPPRouting
import FoundationEssentials
import Logging
import ServiceLifecycle

/// Writes the index to its file every half minute, and once more at the end.
struct SnapshotService: Service {
  let snapshots: IndexSnapshots
  let shelf: SnapshotShelf
  let store: EndpointStore
  let logger: Logger

  private static let interval = Duration.seconds(30)
  /// When endpoints that have not appeared by then are given up, in intervals.
  private static let patience = 10

  func run() async throws {
    await cancelWhenGracefulShutdown {
      var rounds = 0
      while !Task.isCancelled {
        // Cancelled at the end: the last one is written then.
        try? await Task.sleep(for: Self.interval)
        rounds += 1
        if rounds == Self.patience { shelf.removeAll() }
        write()
      }
    }
  }

  private func write() {
    do {
      let summary = try snapshots.write(endpoints, now: Date().timeIntervalSince1970)
      logger.debug("index snapshot written", metadata: metadata(of: summary))
    } catch {
      logger.warning("the index snapshot is not written: \(error)")
    }
  }

  private var endpoints: [Endpoint] { store.currentSnapshot().members.map(\.endpoint) }

  private func metadata(of summary: IndexSnapshots.Summary) -> Logger.Metadata {
    ["blocks": .stringConvertible(summary.blocks), "bytes": .stringConvertible(summary.bytes)]
  }

  /// Reads the file, before endpoints are looked for.
  func read() {
    do {
      guard let summary = try snapshots.read(to: shelf) else {
        logger.info("there is no index snapshot yet")
        return
      }
      for problem in summary.problems { logger.warning("a part of the index snapshot is not used: \(problem)") }
      var metadata = metadata(of: summary)
      metadata["age_s"] = .stringConvertible(Int(Date().timeIntervalSince1970 - summary.writtenAt))
      logger.info("index snapshot read", metadata: metadata)
    } catch {
      logger.warning("the index snapshot is not used: \(error)")
    }
  }
}
