import EPPConfiguration
import Testing

@Suite struct ProcessorLimitsTests {
  @Test(arguments: [
    ("Name:\tepp\nCpus_allowed:\t3\nCpus_allowed_list:\t0-1\n", 2),
    ("Cpus_allowed:\tff,ffffffff\n", 40),
    ("Cpus_allowed:\t00000000,00000001\n", 1),
    ("Cpus_allowed_list:\t0-1\n", nil),
    ("Cpus_allowed:\tzz\n", nil),
    ("Cpus_allowed:\t0\n", nil),
    ("", nil),
  ])
  func processorsThatMayBeUsed(text: String, expected: Int?) {
    #expect(ProcessorLimits.allowed(processStatus: text) == expected)
  }

  @Test(arguments: [
    ("max 100000\n", nil), ("100000 100000\n", 1), ("150000 100000\n", 2), ("50000 100000", 1),
    ("1600000 100000\n", 16),
    ("-1 100000", nil), ("100000 0", nil), ("100000", nil), ("", nil), ("9223372036854775807 1", .max),
  ])
  func quotaOfVersion2(text: String, expected: Int?) {
    #expect(ProcessorLimits.quota(cpuMax: text) == expected)
  }

  @Test func quotaOfVersion1() {
    #expect(ProcessorLimits.quota(microseconds: "-1\n", period: "100000\n") == nil)
    #expect(ProcessorLimits.quota(microseconds: "250000\n", period: "100000\n") == 3)
    #expect(ProcessorLimits.quota(microseconds: "x", period: "100000\n") == nil)
  }
}
