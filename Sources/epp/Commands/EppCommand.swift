import ArgumentParser
import EPPConfiguration
import EPPProcess

/// The command `epp`, with `serve` as its default subcommand.
@main
struct EppCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "epp",
    abstract: "Routes LLM requests to the model server whose KV cache is warm for the prompt.",
    discussion: """
      An endpoint picker for Envoy and the Gateway API: it answers a gateway's ext_proc calls with the endpoint for \
      each request. Without a subcommand it serves. Exit status: 0 after SIGTERM; 1 where it cannot start (a port that is \
      taken, a certificate or a file with a secret that cannot be used); 64 for flags that make no sense; 78 for a \
      configuration file that is wrong.
      """,
    version: Version.current,
    subcommands: [
      ServeCommand.self, ValidateCommand.self, MigrateCommand.self, WeightsCommand.self, PluginsCommand.self,
      ScoreCommand.self,
      VersionCommand.self,
    ],
    defaultSubcommand: ServeCommand.self)

  static func main() {
    let (arguments, warnings) = FlagSpelling.normalised(CommandLine.arguments.dropFirst())
    do {
      if ["--help", "-h", "--help-hidden"].contains(arguments.first) {
        printHelp(isComplete: arguments.first == "--help-hidden")
        return
      }
      var command = try parseAsRoot(arguments)
      for warning in warnings { StandardError.write("epp: \(warning)\n") }
      try command.run()
    } catch {
      // One line: the usage that the library adds would hide what is wrong, and `--help` is where it is expected.
      let message = message(for: error)
      guard exitCode(for: error) == .validationFailure, !message.isEmpty else { exit(withError: error) }
      StandardError.write("epp: \(message); see 'epp --help'\n")
      exit(withError: ExitCode.validationFailure)
    }
  }

  /// Prints the help of `epp` and of `serve`, which has the flags.
  ///
  /// - Parameter isComplete: Whether hidden flags are included.
  private static func printHelp(isComplete: Bool) {
    print(helpMessage(includeHidden: isComplete))
    print()
    print(helpMessage(for: ServeCommand.self, includeHidden: isComplete))
  }
}
