import EngineSimulator
import Testing

@Suite struct DurationTextTests {
  @Test(
    arguments: [
      ("10ms", .milliseconds(10)), ("0.5s", .milliseconds(500)), ("250us", .microseconds(250)), ("0", .zero),
      ("0ms", .zero),
      ("1.5ms", .microseconds(1500)), ("10", nil), ("ms", nil), ("-1ms", nil), ("2h", nil), ("4000s", nil),
      ("nans", nil),
      ("", nil),
    ] as [(String, Duration?)])
  func readsANumberAndItsUnit(text: String, duration: Duration?) {
    #expect(DurationText.read(text) == duration)
  }

  @Test(arguments: [("10ms", Duration.milliseconds(10)), ("0", .zero), ("0.25ms", .microseconds(250))])
  func writesMilliseconds(text: String, duration: Duration) {
    #expect(DurationText.write(duration) == text)
    #expect(DurationText.read(text) == duration)
  }
}
