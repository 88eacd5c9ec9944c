import ArgumentParser
import EPPGRPCServer
import EPPProcess

/// The command `epp version`.
struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Prints the version.")

  func run() { print("epp \(Version.current) (gRPC core \(PickerServer.coreVersion))") }
}
