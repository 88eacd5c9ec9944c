import EPPObservability
import Foundation
import Logging
import Synchronization
import Testing

@Suite struct LogOutputTests {
  private let capture = LogCapture()

  @Test func linesOfManyTasksAreWholeAndComplete() async throws {
    let output = capture.output(.json)
    let logger = output.logger(label: "epp")
    await withTaskGroup(of: Void.self) { group in
      for task in 0..<8 {
        group.addTask { for line in 0..<200 { logger.info("m", metadata: ["id": .string("\(task)-\(line)")]) } }
      }
    }
    output.flush()
    #expect(capture.lines.count == 1600)
    #expect(capture.lines.allSatisfy { $0.hasPrefix("{\"time\"") && $0.hasSuffix("}") })
    #expect(Set(capture.lines).count == 1600)
  }

  @Test func aReaderThatDoesNotReadStopsNobodyAndTheLossIsSaid() {
    let gate = DispatchSemaphore(value: 0)
    let began = DispatchSemaphore(value: 0)
    let output = LogOutput(
      format: .text, capacity: 2000, clock: { Timestamp(milliseconds: 0) },
      write: { bytes in
        began.signal()
        gate.wait()
        capture.append(bytes)
      })
    let logger = output.logger(label: "epp")
    logger.info("first")
    began.wait()
    // The writer is held up; about 2000 bytes fit, the rest is dropped at once.
    for number in 0..<1000 { logger.info("line \(number)") }
    for _ in 0..<4 { gate.signal() }
    output.flush()
    let kept = capture.lines.count
    #expect(kept > 10 && kept < 100)
    logger.info("after")
    output.flush()
    #expect(
      capture.lines.suffix(2) == [
        "1970-01-01T00:00:00.000Z warning log: lines were dropped because standard error was not read fast enough lines=\(1001 - kept)",
        "1970-01-01T00:00:00.000Z info epp: after",
      ])
  }

  @Test func aLineBeyondTheBoundIsDropped() {
    let output = capture.output(.text, capacity: 500)
    let logger = output.logger(label: "epp")
    logger.info("\(String(repeating: "x", count: 10_000))")
    logger.info("small")
    output.flush()
    #expect(capture.lines.count == 2)
    #expect(capture.lines.first?.hasSuffix("lines=1") == true)
  }
}
