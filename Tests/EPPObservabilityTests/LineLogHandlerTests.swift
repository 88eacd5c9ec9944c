import EPPObservability
import Foundation
import Logging
import Testing

@Suite struct LineLogHandlerTests {
  private let capture = LogCapture()

  @Test func aJSONLineHasTimeLevelLoggerMessageAndSortedFields() {
    let output = capture.output(.json)
    var logger = output.logger(label: "epp")
    logger[metadataKey: "pool"] = "default"
    logger.warning(
      "scrape failed",
      metadata: [
        "endpoint": "10.0.0.1:8000", "attempt": .stringConvertible(3), "again": .stringConvertible(true),
        "after": .stringConvertible(0.25), "list": ["a", .stringConvertible(1)], "nested": ["k": "v"],
      ])
    output.flush()
    #expect(
      capture.lines == [
        #"{"time":"2026-03-01T09:05:07.042Z","level":"warning","logger":"epp","msg":"scrape failed","after":0.25,"again":true,"attempt":3,"endpoint":"10.0.0.1:8000","list":["a",1],"nested":{"k":"v"},"pool":"default"}"#
      ])
  }

  @Test func aTextLineQuotesValuesThatNeedIt() {
    let output = capture.output(.text)
    output.logger(label: "epp").info(
      "ready to serve", metadata: ["a": "plain", "b": "two words", "c": "", "d": "x=y", "e": ["k": "v w"]])
    output.flush()
    #expect(
      capture.lines == [
        #"2026-03-01T09:05:07.042Z info epp: ready to serve a=plain b="two words" c="" d="x=y" e={"k":"v w"}"#
      ])
  }

  @Test(arguments: LogFormat.allCases)
  func textOfClientsCannotBeginALineOfItsOwn(format: LogFormat) {
    let output = capture.output(format)
    output.logger(label: "epp").error("one\ntwo\u{1B}[31m", metadata: ["a\nb": "c\r\n\"d\"\u{0}"])
    output.flush()
    #expect(capture.lines.count == 1)
    #expect(capture.lines.first?.utf8.allSatisfy { $0 >= 0x20 } == true)
  }

  @Test func jsonLinesAreReadBackAsTheyWereWritten() throws {
    let output = capture.output(.json)
    let message = "quote \" backslash \\ feed \n tab \t bell \u{7} delete \u{7F} umlaut ü emoji 🦊"
    output.logger(label: "a\"b").error("\(message)", metadata: ["msg": "mine", "key \"x\"": .string(message)])
    output.flush()
    let line = try #require(capture.lines.first)
    let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(object["msg"] as? String == message)
    #expect(object["_msg"] as? String == "mine")
    #expect(object["key \"x\""] as? String == message)
    #expect(object["logger"] as? String == "a\"b")
  }

  @Test func anErrorIsAField() {
    let output = capture.output(.text)
    output.logger(label: "epp").error("failed", error: CancellationError())
    output.flush()
    #expect(capture.lines == ["2026-03-01T09:05:07.042Z error epp: failed error=CancellationError()"])
  }

  @Test func verbosityFollowsTheNumbersOfTheFlagAndChangesWhileRunning() {
    let expected: [(Int, Logger.Level)] = [
      (-1, .warning), (0, .warning), (1, .notice), (2, .info), (3, .info), (4, .debug), (5, .trace), (9, .trace),
    ]
    for (number, level) in expected { #expect(Verbosity(rawValue: number).logLevel == level) }
    let output = capture.output(.text)
    let logger = output.logger(label: "epp")
    logger.debug("unseen")
    output.verbosity = .debug
    logger.debug("seen")
    var own = logger
    own.logLevel = .error
    own.info("unseen")
    output.flush()
    #expect(capture.lines == ["2026-03-01T09:05:07.042Z debug epp: seen"])
  }

  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
      (951_868_799_999, "2000-02-29T23:59:59.999Z"), (1_772_355_907_042, "2026-03-01T09:05:07.042Z"),
      (4_107_542_400_000, "2100-03-01T00:00:00.000Z"), (-1, "1969-12-31T23:59:59.999Z"),
      (1_798_761_599_999, "2026-12-31T23:59:59.999Z"),
    ] as [(Int64, String)])
  func timesAreWrittenAsRFC3339(milliseconds: Int64, text: String) {
    let output = LogOutput(
      format: .text, clock: { Timestamp(milliseconds: milliseconds) }, write: { capture.append($0) })
    output.logger(label: "l").info("m")
    output.flush()
    #expect(capture.lines == [text + " info l: m"])
  }
}
