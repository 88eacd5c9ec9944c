import ArgumentParser
import EngineSimulator

/// A duration on the command line: `10ms`, `0.5s`, `250us`, `0`.
struct DurationArgument: ExpressibleByArgument {
  /// The duration.
  var duration: Duration

  init(duration: Duration) { self.duration = duration }

  init?(argument: String) {
    guard let duration = DurationText.read(argument) else { return nil }
    self.init(duration: duration)
  }

  var defaultValueDescription: String { DurationText.write(duration) }
}

/// A fault on the command line, such as `slow:10`.
struct FaultArgument {
  /// The fault.
  var fault: EngineFault

  /// Reads a fault.
  ///
  /// - Throws: `ValidationError` that lists the faults.
  static func read(_ text: String) throws -> FaultArgument {
    guard let fault = EngineFault(text) else { throw ValidationError("\(EngineFault.accepted).") }
    return FaultArgument(fault: fault)
  }
}

/// A configuration of KV events on the command line, in JSON.
struct KVEventsArgument {
  /// The configuration; nil when it turns events off.
  var configuration: KVEventsConfiguration?

  /// Reads the JSON.
  ///
  /// - Throws: `ValidationError` that says what is wrong.
  static func read(_ text: String) throws -> KVEventsArgument {
    do { return KVEventsArgument(configuration: try KVEventsConfiguration.read(text)) } catch {
      throw ValidationError("\(error)")
    }
  }
}

extension EncoderConnector: ExpressibleByArgument {}
extension HashAlgorithm: ExpressibleByArgument {}
extension KVTransferOptions.Connector: ExpressibleByArgument {}
extension KVTransferOptions.DisaggregationMode: ExpressibleByArgument {}
extension KVTransferOptions.LoadFailurePolicy: ExpressibleByArgument {}
extension KVEventFormat.Encoding: ExpressibleByArgument {}
extension KVEventFormat.Hashes: ExpressibleByArgument {}
extension KVEventFormat.Replay: ExpressibleByArgument {}
