import ArgumentParser
import EPPCore

/// Flags of the server to which load is sent.
struct ServerOptions: ParsableArguments {
  @Option(help: ArgumentHelp("The ext_proc server; plain text (--secure-serving=false).", valueName: "host:port"))
  var target = "127.0.0.1:9002"

  @Option(name: .customLong("server-pid"), help: "Process whose CPU time and memory are reported.")
  var serverID: Int?

  @Option(help: "HTTP/2 connections; Envoy has one for each of its workers.")
  var connections = 2

  /// Returns the parsed target.
  func address() throws -> EndpointAddress {
    guard let address = EndpointAddress(target) else {
      throw ValidationError("--target wants host:port, not \"\(target)\".")
    }
    return address
  }

  func validate() throws {
    _ = try address()
    guard connections > 0 else { throw ValidationError("--connections must be at least 1.") }
    if let serverID {
      do { _ = try ProcessSample(processID: serverID) } catch {
        throw ValidationError("--server-pid \(serverID): no such process.")
      }
    }
  }
}
