import EPPCore
import EPPMetrics
import Logging
import NIOCore
import Synchronization

/// Tells of engines that do not serve token ids: everything else works, and only the prediction of their caches suffers.
///
/// Every refusal is counted; the log has one warning for each engine, and another one when it gives up its last path.
final class RenderRefusals: Sendable {
  /// What a refused request was answered with.
  struct Answer: Error, Equatable {
    var status: UInt
    /// The engine does not know the model, which is a matter of the request.
    var isAboutModel: Bool

    /// Nil for an answer that does not say that the path is not served.
    ///
    /// A path that is switched off, guarded by a key, or unknown is answered with 401, 403, 404 and the like, by version and
    /// configuration; and a model that is not served with 404 and its name.
    init?(status: UInt, body: ByteBuffer) {
      guard RenderRefusals.statuses.contains(status) else { return nil }
      self.status = status
      isAboutModel = status == 404 && body.readableBytesView.firstRange(of: "model".utf8) != nil
    }
  }

  /// 407 is a proxy's 401; 405 and 501 come from servers of other kinds.
  static let statuses = TokenSeries.refusalStatuses

  private struct Warning: Hashable {
    var engine: EndpointAddress
    var hasOtherPath: Bool
  }

  /// Engines come and go: past this all may be told of anew.
  private static let maximumWarnings = 4 * EndpointSlot.capacity

  private let series: TokenSeries
  private let logger: Logger
  private let told = Mutex<Set<Warning>>([])

  init(series: TokenSeries, logger: Logger) {
    self.series = series
    self.logger = logger
  }

  /// An engine has refused a path, asked for a model that it serves.
  func count(_ answer: Answer) { if !answer.isAboutModel { series.refusal(answer.status)?.increment() } }

  /// An engine has refused a path, and either served another one or had no other.
  func note(_ answer: Answer, _ path: RenderPath, by engine: EndpointAddress, servedBy other: RenderPath?) {
    guard !answer.isAboutModel else { return }
    let isNew = told.withLock { told in
      if told.count >= Self.maximumWarnings { told.removeAll() }
      return told.insert(Warning(engine: engine, hasOtherPath: other != nil)).inserted
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
