import Logging
import Synchronization

/// A log handler that drops the events of a server that was told to stop: that connections and sockets are cancelled then is
/// no error for an operator, and would hide the one that ends the process.
struct StoppingLogHandler: LogHandler {
  /// Whether the server was told to stop. Any thread may use it.
  final class Stop: Sendable {
    private let flag = Atomic(false)

    /// Whether `set` was called, or the current task is cancelled.
    var isSet: Bool { flag.load(ordering: .relaxed) || Task.isCancelled }

    /// Records that the server was told to stop.
    func set() { flag.store(true, ordering: .relaxed) }
  }

  private var base: any LogHandler
  private let stop: Stop

  /// - Parameters:
  ///   - base: Writes the events until then.
  ///   - stop: Tells when.
  init(_ base: any LogHandler, until stop: Stop) {
    self.base = base
    self.stop = stop
  }

  func log(event: LogEvent) {
    if !stop.isSet { base.log(event: event) }
  }

  var logLevel: Logger.Level {
    get { base.logLevel }
    set { base.logLevel = newValue }
  }

  var metadata: Logger.Metadata {
    get { base.metadata }
    set { base.metadata = newValue }
  }

  var metadataProvider: Logger.MetadataProvider? {
    get { base.metadataProvider }
    set { base.metadataProvider = newValue }
  }

  subscript(metadataKey key: String) -> Logger.MetadataValue? {
    get { base[metadataKey: key] }
    set { base[metadataKey: key] = newValue }
  }
}
