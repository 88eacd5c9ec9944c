import EPPCore
import Testing

@testable import EPPKVEvents

@Suite struct KVStreamAddressTests {
  private func endpoint(_ host: String = "10.0.0.1", rank: Int = 0, events: String? = nil) -> Endpoint {
    Endpoint(
      name: "e", address: EndpointAddress(host: host, port: 8000), rank: rank, kvEvents: events,
      slot: EndpointSlot(index: 0, generation: 0))
  }

  private func configuration(ranks: Int? = nil) -> KVEventsConfiguration {
    var configuration = KVEventsConfiguration()
    configuration.eventsPort = 5557
    configuration.replayPort = 5657
    configuration.dataParallelSize = ranks
    return configuration
  }

  @Test func everyRankOfAnEngineHasAnAddress() {
    #expect(
      KVStreamAddress.all(of: endpoint(), configuration(ranks: 2)) == [
        KVStreamAddress(events: "tcp://10.0.0.1:5557", replay: "tcp://10.0.0.1:5657", rank: 0),
        KVStreamAddress(events: "tcp://10.0.0.1:5558", replay: "tcp://10.0.0.1:5658", rank: 1),
      ])
  }

  /// The third target port of a pod: its publisher is that of the third rank, and it is followed as one engine.
  @Test func anEndpointThatIsARankHasTheAddressOfThatRank() {
    let third = endpoint("fd00::7", rank: 2)
    #expect(
      KVStreamAddress.all(of: third, configuration()) == [
        KVStreamAddress(events: "tcp://[fd00::7]:5559", replay: "tcp://[fd00::7]:5659", rank: 0)
      ])
    // The messages of an engine that connects state their rank themselves.
    #expect(KVStreamAddress.replay(of: third, rank: 2, configuration()) == "tcp://[fd00::7]:5659")
  }

  @Test func anAddressWithoutAPortForTheRankIsNone() {
    #expect(KVStreamAddress.all(of: endpoint(rank: 1, events: "tcp://10.0.0.1:65535"), configuration()).isEmpty)
  }
}
