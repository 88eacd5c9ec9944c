import ArgumentParser

/// Load, cost and workload measurements of an endpoint picker.
@main
struct EPPBench: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "epp-bench",
    abstract:
      "Measure an endpoint picker: load, open streams, scraping, cache hits, the block index, the scheduler, the sidecar.",
    subcommands: [
      LoadCommand.self, StreamsCommand.self, ScrapeCommand.self, EnginesCommand.self, ConverseCommand.self,
      IndexCommand.self, ScheduleCommand.self, SidecarCommand.self,
    ])
}

/// A failure that the user can act on.
struct BenchError: Error, CustomStringConvertible {
  /// One sentence that says what is wrong and what to do.
  let description: String

  init(_ description: String) { self.description = description }
}
