import EPPConfiguration
import Testing

@Suite struct QuantityTests {
  @Test(arguments: [
    ("0", 0), ("4194304", 4_194_304), ("10MiB", 10_485_760), ("25MB", 25_000_000), ("64Mi", 67_108_864), ("1k", 1000),
    ("512B", 512), ("1.5Gi", 1_610_612_736), ("1e6", 1_000_000), ("2E", 2_000_000_000_000_000_000), ("0.5Ki", 512),
    ("9223372036854775807", Int.max), ("1Ti", 1 << 40), ("2.5e3", 2500),
  ])
  func sizesAreRead(text: String, bytes: Int) {
    #expect(ByteQuantity.parse(text) == bytes)
  }

  @Test(arguments: [
    "", "B", "Mi", "-1", "+1", " 1", "1 Mi", "1mib", "0.5", "1..5Mi", ".", "9223372036854775808", "8Ei", "1e400", "1e",
    "0x10", "１Mi", "1MiBB",
  ])
  func otherTextIsNoSize(text: String) {
    #expect(ByteQuantity.parse(text) == nil)
  }

  @Test(arguments: [
    ("50ms", Duration.milliseconds(50)), ("5s", .seconds(5)), ("1m30s", .seconds(90)), ("1h", .seconds(3600)),
    ("0", .zero), ("0s", .zero), ("1.5s", .milliseconds(1500)), ("100us", .microseconds(100)),
    ("100µs", .microseconds(100)), ("7ns", .nanoseconds(7)), (".5s", .milliseconds(500)),
    ("2.3s", .milliseconds(2300)), ("1μs", .microseconds(1)),
  ])
  func durationsAreRead(text: String, duration: Duration) {
    #expect(DurationText.parse(text) == duration)
  }

  @Test(arguments: ["", "5", "-5s", "s", "5 s", "5S", "1..5s", "1e3s", "inf", "nans", "999999999999h", "５s", "5s5"])
  func otherTextIsNoDuration(text: String) {
    #expect(DurationText.parse(text) == nil)
  }

  @Test(arguments: [Duration.milliseconds(50), .seconds(30), .zero, .microseconds(3), .nanoseconds(1), .seconds(90)])
  func durationsComeBack(duration: Duration) {
    #expect(DurationText.parse(DurationText.format(duration)) == duration)
  }
}
