import ArgumentParser
import NIOPosix

/// `epp-bench engines`.
struct EnginesCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "engines",
    abstract: "Stand in for engines with a metrics page each, until interrupted.",
    discussion: """
      Prints the flags for the endpoint picker on one line, so that a load run has something to scrape:
        epp-bench engines --count 8 > flags &
        epp serve --secure-serving=false $(cat flags)
      """)

  @OptionGroup var engines: EngineOptions

  func run() async throws {
    let fleet = try await EngineFleet(
      count: engines.count, firstPort: engines.firstPort, pageBytes: engines.pageBytes, model: engines.model,
      on: MultiThreadedEventLoopGroup(numberOfThreads: 1))
    print(fleet.endpointFlags.joined(separator: " "))
    StandardOutput.flush()
    // Until a signal ends the process: there is nothing to save.
    while true { try await Task.sleep(for: .seconds(3600)) }
  }
}
