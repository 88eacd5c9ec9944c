import ArgumentParser
import EPPCore

/// `epp-bench schedule`.
struct ScheduleCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schedule",
    abstract: "Measure the scheduler: each scorer, filter and picker, and all scorers together.",
    discussion: """
      Needs no server, and is one thread:
        taskset -c 0 epp-bench schedule --json schedule.json
      A decision is all that the scheduler does for a request: the candidates with their loads, filters, scorers, the pick \
      and its reasons. Times are those of whole decisions, by the CPU clock of the thread, less what reading the clock \
      costs; the column "alone" is the median less that of the same decision without the plugin. Fails when the \
      allocations of a decision grow with the pool.
      """)

  @OptionGroup var output: OutputOptions

  @Option(parsing: .upToNextOption, help: "Sizes of the pool, each at most 1,024.")
  var endpoints = [64, 1024]

  @Option(help: "Decisions of each measurement.")
  var decisions = 10_000

  @Option(help: "Only what has this text in its name.")
  var only: String?

  func validate() throws {
    guard !endpoints.isEmpty, endpoints.allSatisfy({ (2...EndpointSlot.capacity).contains($0) }) else {
      throw ValidationError("--endpoints must be between 2 and \(EndpointSlot.capacity).")
    }
    guard decisions >= 100 else { throw ValidationError("--decisions must be at least 100.") }
  }

  func run() async throws {
    let subjects = ScheduleSubject.all.filter { subject in only.map(subject.name.contains) ?? true }
    guard !subjects.isEmpty else {
      throw BenchError("nothing has '\(only ?? "")' in its name; without --only everything is measured")
    }
    let progress = ProgressLine(isQuiet: output.json == "-")
    var report = ScheduleReport(decisions: decisions)
    let total = subjects.count * endpoints.count
    for count in endpoints {
      let measurement = ScheduleMeasurement(pool: SchedulePool(endpoints: count), decisions: decisions)
      for subject in subjects {
        report.rows.append(try measurement.run(subject))
        progress.show(done: report.rows.count, total: total, of: "measurements", note: "\(count) endpoints")
      }
    }
    try output.write(report, table: report.table)
    if let failure = report.failure { throw BenchError(failure) }
  }
}
