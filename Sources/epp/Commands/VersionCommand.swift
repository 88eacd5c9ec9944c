import ArgumentParser
import EPPGRPCServer

/// The version that this source tree builds.
enum Version {
  static let current = "0.1.0"
}

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

  func run() { print("epp \(Version.current) (gRPC core \(PickerServer.coreVersion))") }
}
