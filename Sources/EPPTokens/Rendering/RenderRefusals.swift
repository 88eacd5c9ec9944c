import EPPCore
import EPPMetrics
import Logging
import NIOCore
import Synchronization

/// Counts and logs the refusals of engines to return token ids. Without token ids the prediction of an engine's cache is less
/// exact; everything else works. Any thread may use it.
///
/// Every refusal is counted. An engine is logged once when it serves another path, and once when it serves none.
final class RenderRefusals: Sendable {
  /// An engine's answer that says that a path is not served.
  struct Answer: Error, Equatable {
    /// The HTTP status.
    var status: UInt
    /// Whether the engine does not know the model, which is the request's fault.
    var isAboutModel: Bool

    /// Makes an answer of a response; nil for a status that does not say that the path is not served.
    ///
    /// Engines answer a path that is switched off, needs a key, or is unknown with 401, 403, 404 or similar, depending on
    /// version and configuration, and a model that is not served with 404 and a message that contains the word "model".
    init?(status: UInt, body: ByteBuffer) {
      guard RenderRefusals.statuses.contains(status) else { return nil }
      self.status = status
      isAboutModel = status == 404 && body.readableBytesView.firstRange(of: "model".utf8) != nil
    }
  }

  /// HTTP statuses that say that a path is not served. 407 is a proxy's 401; 405 and 501 come from servers of other kinds.
  static let statuses = TokenSeries.refusalStatuses

  private struct Warning: Hashable {
    var engine: EndpointAddress
    var hasOtherPath: Bool
  }

  /// Warnings that are remembered at most; at the limit all are forgotten, and may be logged again.
  private static let maximumWarnings = 4 * EndpointSlot.capacity

  private let series: TokenSeries
  private let logger: Logger
  private let logged = Mutex<Set<Warning>>([])

  init(series: TokenSeries, logger: Logger) {
    self.series = series
    self.logger = logger
  }

  /// Counts a refusal, unless it is about the model.
  func count(_ answer: Answer) { if !answer.isAboutModel { series.refusal(answer.status)?.increment() } }

  /// Logs a refusal once per engine and consequence, unless it is about the model.
  ///
  /// - Parameter other: The path that the engine served in place of `path`; nil when it served none.
  func note(_ answer: Answer, _ path: RenderPath, by engine: EndpointAddress, servedBy other: RenderPath?) {
    guard !answer.isAboutModel else { return }
    let isNew = logged.withLock { logged in
      if logged.count >= Self.maximumWarnings { logged.removeAll() }
      return logged.insert(Warning(engine: engine, hasOtherPath: other != nil)).inserted
    }
    guard isNew else { return }
    let isGuarded = answer.status == 401 || answer.status == 407
    let remedy =
      isGuarded
      ? "start vLLM with --enable-scale-out and without --api-key: the picker has no key"
      : "start vLLM with --enable-scale-out, where its version has this flag"
    let consequence =
      other.map { "\($0.rawValue) is asked in its place" } ?? "prompts are matched by their text, not by its KV events"
    logger.warning(
      "an engine refuses to render prompts: \(consequence); \(remedy)",
      metadata: ["endpoint": "\(engine)", "path": "\(path.rawValue)", "status": "\(answer.status)"])
  }
}
