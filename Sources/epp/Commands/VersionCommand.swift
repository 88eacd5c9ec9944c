import ArgumentParser
import EPPGRPCServer

/// The version of the program.
enum Version {
  /// The version of this source tree.
  static let current = "0.1.0"
}

/// The command `epp version`.
struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

  func run() { print("epp \(Version.current) (gRPC core \(PickerServer.coreVersion))") }
}
