@testable import EngineSimulator
import Testing

/// The order and the numbers of what is sent, without sockets.
@Suite struct KVEventOutboxTests {
  private func outbox(
    buffer: Int = 100, queue: Int = 100, format: KVEventFormat = KVEventFormat()
  ) -> KVEventOutbox {
    var configuration = KVEventsConfiguration()
    configuration.topic = "t"
    configuration.bufferSteps = buffer
    configuration.maximumQueueSize = queue
    return KVEventOutbox(configuration, format)
  }

  private func number(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }

  /// The numbers of all batches that are sent now.
  private func sent(_ outbox: inout KVEventOutbox) -> [UInt64] {
    var numbers: [UInt64] = []
    while let frames = outbox.nextMessage() {
      if frames.count == 3, frames[1].count == 8 { numbers.append(number(frames[1])) }
    }
    return numbers
  }

  private func ask(_ outbox: KVEventOutbox, from start: UInt64) -> [UInt64] {
    let bytes = (0..<8).map { UInt8(truncatingIfNeeded: start >> (56 - 8 * $0)) }
    return outbox.answers(to: [[1, 2], [], bytes]).map { frames in number(frames[frames.count - 2]) }
  }

  @Test func batchesAreNumberedFromZeroAndCanBeAskedForAgain() {
    var outbox = outbox()
    for time in 0..<5 { outbox.add([.cleared], time: Double(time)) }
    #expect(ask(outbox, from: 0) == [.max])
    #expect(sent(&outbox) == [0, 1, 2, 3, 4])
    #expect(sent(&outbox).isEmpty)
    #expect(ask(outbox, from: 3) == [3, 4, .max])
    #expect(ask(outbox, from: 9) == [.max])
    #expect(outbox.published == 5)
  }

  @Test func onlyTheLastBatchesAreKept() {
    var outbox = outbox(buffer: 3)
    for time in 0..<10 {
      outbox.add([.cleared], time: Double(time))
      _ = sent(&outbox)
    }
    #expect(ask(outbox, from: 0) == [7, 8, 9, .max])
  }

  @Test func answersHaveTheFramesOfTheirVersion() {
    // vLLM 0.32, 0.22, and 0.25, which has events by name and no topic yet.
    let versions: [(format: KVEventFormat, counts: [Int])] = [
      (KVEventFormat(), [5, 5]), (KVEventFormat(encoding: .array), [4, 4]), (KVEventFormat(replay: .bare), [4, 4]),
    ]
    for (format, counts) in versions {
      var outbox = outbox(format: format)
      outbox.add([.cleared], time: 1)
      let live = outbox.nextMessage() ?? []
      #expect(live.count == 3 && live[0] == Array("t".utf8))
      let answers = outbox.answers(to: [[9], [], [0, 0, 0, 0, 0, 0, 0, 0]])
      #expect(answers.map(\.count) == counts)
      #expect(answers.allSatisfy { $0[0] == [9] && $0[1].isEmpty })
      #expect(answers[0].suffix(counts[0] - 2) == live.suffix(counts[0] - 2))
      #expect(answers[1].last == [] && answers[1][answers[1].count - 2] == Array(repeating: 0xFF, count: 8))
    }
  }

  @Test(
    arguments: [[], [[1]], [[1], [0, 0, 0, 0, 0, 0, 0, 0]], [[1], [], [0, 1]], [[1], [], [], []]] as [[[UInt8]]])
  func whatIsNoQuestionIsNotAnswered(question: [[UInt8]]) {
    #expect(outbox().answers(to: question).isEmpty)
  }

  @Test func droppedBatchesCanStillBeAskedFor() {
    var outbox = outbox()
    for time in 0..<5 { outbox.add([.cleared], time: Double(time)) }
    outbox.faults.dropped = 2
    #expect(sent(&outbox) == [2, 3, 4])
    #expect(outbox.faults.dropped == 0)
    #expect(ask(outbox, from: 0) == [0, 1, 2, 3, 4, .max])
  }

  @Test func damagedBatchesAreWholeWhenTheyAreAskedFor() {
    var outbox = outbox()
    outbox.add([.cleared], time: 1)
    outbox.faults.garbled = 1
    let damaged = outbox.nextMessage()?[2]
    let whole = outbox.answers(to: [[1], [], [0, 0, 0, 0, 0, 0, 0, 0]])[0].last
    #expect(damaged?.first == 0xC1 && whole?.first == 0x93)
  }

  @Test func garbageTakesNoNumber() {
    var outbox = outbox()
    outbox.faults.garbage = 4
    outbox.add([.cleared], time: 1)
    let messages = (0..<5).compactMap { _ in outbox.nextMessage() }
    #expect(messages.map(\.count) == [2, 3, 5, 1, 3])
    #expect(number(messages[4][1]) == 0)
  }

  @Test func whatWaitsWhileThePublisherIsPausedIsSentAfterwards() {
    var outbox = outbox()
    outbox.faults.isPaused = true
    for time in 0..<3 { outbox.add([.cleared], time: Double(time)) }
    #expect(sent(&outbox).isEmpty && !outbox.answersQuestions)
    outbox.faults.isPaused = false
    #expect(sent(&outbox) == [0, 1, 2])
  }

  @Test func whatWaitsIsBounded() {
    var outbox = outbox(buffer: 50, queue: 10)
    outbox.isHanging = true
    for time in 0..<1000 { outbox.add([.cleared], time: Double(time)) }
    outbox.isHanging = false
    #expect(sent(&outbox) == Array(990..<1000))
    var small = self.outbox(buffer: 5, queue: 10)
    small.faults.isPaused = true
    for time in 0..<100 { small.add([.cleared], time: Double(time)) }
    small.faults.isPaused = false
    #expect(sent(&small) == Array(95..<100))
  }
}
