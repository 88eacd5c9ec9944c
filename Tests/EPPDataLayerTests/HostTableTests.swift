import EPPCore
import EPPDataLayer
import EPPTestKit
import NIOPosix
import Testing

@Suite struct HostTableTests {
  @Test func asksAtOnceThenEveryThirtySeconds() {
    var table = HostTable()
    #expect(table.due(among: ["a", "b"], now: .milliseconds(0), isUrgent: false) == ["a", "b"])
    #expect(table.note("a", addresses: ["10.0.0.1"], now: .milliseconds(0)) == true)
    #expect(table.due(among: ["a"], now: .milliseconds(29_999), isUrgent: false) == [])
    #expect(table.due(among: ["a"], now: .milliseconds(30_000), isUrgent: false) == ["a"])
  }

  @Test func asksWithinASecondWhenAnEndpointDoesNotAnswer() {
    var table = HostTable()
    _ = table.note("a", addresses: ["10.0.0.1"], now: .milliseconds(0))
    #expect(table.due(among: ["a"], now: .milliseconds(999), isUrgent: true) == [])
    #expect(table.due(among: ["a"], now: .milliseconds(1000), isUrgent: true) == ["a"])
  }

  @Test func keepsAnAddressThatIsStillInTheList() {
    var table = HostTable()
    _ = table.note("a", addresses: ["10.0.0.1", "10.0.0.2"], now: .milliseconds(0))
    let hasRotated = table.note("a", addresses: ["10.0.0.2", "10.0.0.1"], now: .milliseconds(1))
    #expect(!hasRotated)
    #expect(table.address(of: "a") == "10.0.0.1")
    let hasMoved = table.note("a", addresses: ["10.0.0.3"], now: .milliseconds(2))
    #expect(hasMoved)
    #expect(table.address(of: "a") == "10.0.0.3")
  }

  @Test func aFailureKeepsTheAddressAndIsToldOnce() {
    var table = HostTable()
    _ = table.note("a", addresses: ["10.0.0.1"], now: .milliseconds(0))
    let reports = (0..<8).map { table.noteFailure("a", now: .milliseconds(UInt64($0))) }
    #expect(reports == [true] + [Bool](repeating: false, count: 7))
    #expect(table.address(of: "a") == "10.0.0.1")
    #expect(table.due(among: ["a"], now: .milliseconds(4000), isUrgent: false) == [])
    #expect(table.due(among: ["a"], now: .milliseconds(5007), isUrgent: false) == ["a"])
  }

  @Test func resolvesLocalhostToIPv4First() async throws {
    let threads = NIOThreadPool(numberOfThreads: 1)
    threads.start()
    let resolver = HostResolver(threads: threads)
    #expect(try await resolver.addresses(of: "localhost").first == "127.0.0.1")
    #expect(try await resolver.addresses(of: "::1") == ["::1"])
    await #expect(throws: HostResolver.Failure.self) { try await resolver.addresses(of: "no such host.invalid") }
    try await threads.shutdownGracefully()
  }
}
