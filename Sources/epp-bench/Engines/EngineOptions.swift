import ArgumentParser

/// Flags of the mock engines of a command.
struct EngineOptions: ParsableArguments {
  @Option(help: "Number of engines.")
  var count = 8

  @Option(help: "Size of a metrics page; vLLM shows 34000 to 56000 bytes.")
  var pageBytes = 34_000

  @Option(help: "The engines listen on 127.0.0.1 from this port on; without it on free ports.")
  var firstPort: Int?

  @Option(help: "Model name in the pages.")
  var model = "bench"

  func validate() throws {
    guard (1...10_000).contains(count) else { throw ValidationError("--count must be between 1 and 10000.") }
    guard (4096...(64 << 20)).contains(pageBytes) else {
      throw ValidationError("--page-bytes must be between 4096 and 67108864.")
    }
    if let firstPort, !(1...(65_536 - count)).contains(firstPort) {
      throw ValidationError("--first-port leaves no room for --count ports.")
    }
  }
}
