import ArgumentParser

@main
struct EppCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "epp",
    abstract: "Routes LLM requests to the model server whose KV cache is warm for the prompt.",
    discussion: """
      An endpoint picker for Envoy and the Gateway API: it answers a gateway's ext_proc calls with the endpoint for each \
      request. Without a subcommand it serves.
      """,
    subcommands: [ServeCommand.self, ValidateCommand.self, VersionCommand.self],
    defaultSubcommand: ServeCommand.self)
}
