import ArgumentParser
import EngineSimulator

/// A length of time as it is written on the command line: `10ms`, `0.5s`, `250us`, `0`.
struct DurationArgument: ExpressibleByArgument {
  var duration: Duration

  init(duration: Duration) { self.duration = duration }

  init?(argument: String) {
    guard let duration = DurationText.read(argument) else { return nil }
    self.init(duration: duration)
  }

  var defaultValueDescription: String { DurationText.write(duration) }
}

/// A fault as it is written on the command line.
struct FaultArgument {
  var fault: EngineFault

  /// Reads a fault; throws what there is.
  static func read(_ text: String) throws -> FaultArgument {
    guard let fault = EngineFault(text) else { throw ValidationError("\(EngineFault.accepted).") }
    return FaultArgument(fault: fault)
  }
}

/// A configuration of KV events as it is written on the command line.
struct KVEventsArgument {
  /// Nil for one that turns events off.
  var configuration: KVEventsConfiguration?

  /// Reads the JSON; throws what is wrong with it.
  static func read(_ text: String) throws -> KVEventsArgument {
    do { return KVEventsArgument(configuration: try KVEventsConfiguration.read(text)) } catch {
      throw ValidationError("\(error)")
    }
  }
}

extension HashAlgorithm: ExpressibleByArgument {}
extension KVEventFormat.Encoding: ExpressibleByArgument {}
extension KVEventFormat.Hashes: ExpressibleByArgument {}
extension KVEventFormat.Replay: ExpressibleByArgument {}
