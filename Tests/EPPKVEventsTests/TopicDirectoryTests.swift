import EPPCore
import EPPKVEvents
import Testing

@Suite struct TopicDirectoryTests {
  private func endpoint(_ number: Int, name: String, host: String, port: UInt16 = 8000) -> Endpoint {
    Endpoint(
      name: name, address: EndpointAddress(host: host, port: port), slot: EndpointSlot(index: number, generation: 1))
  }

  private func sender(_ directory: inout TopicDirectory, _ text: String) -> TopicDirectory.Sender {
    directory.sender(Array(text.utf8))
  }

  @Test func topicsNameEndpoints() {
    var directory = TopicDirectory()
    let first = endpoint(1, name: "a", host: "10.0.0.1")
    let second = endpoint(2, name: "b", host: "2001:db8::7")
    let third = endpoint(3, name: "c", host: "10.0.0.1", port: 8001)
    for endpoint in [first, second, third] { directory.insert(endpoint) }
    #expect(sender(&directory, "kv@a@m") == .endpoint(first.slot))
    #expect(sender(&directory, "kv@10.0.0.1:8001@m@n") == .endpoint(third.slot))
    #expect(sender(&directory, "kv@10.0.0.1@m") == .several(2))
    #expect(sender(&directory, "kv@[2001:db8::7]:8000@m") == .endpoint(second.slot))
    #expect(sender(&directory, "kv@[2001:db8::7]@m") == .endpoint(second.slot))
    #expect(sender(&directory, "kv@2001:db8::7@m") == .endpoint(second.slot))
    #expect(sender(&directory, "kv@10.0.0.9@m") == .nobody)
    for text in ["", "kv@a", "kv@@m", "other"] { #expect(sender(&directory, text) == .unnamed) }

    directory.remove(third.slot)
    #expect(sender(&directory, "kv@10.0.0.1@m") == .endpoint(first.slot))
    #expect(sender(&directory, "kv@10.0.0.1:8001@m") == .nobody)
    directory.remove(first.slot)
    directory.remove(first.slot)
    #expect(sender(&directory, "kv@a@m") == .nobody)
  }

  @Test func aNameAndAnAddressOfOneEndpointAreOne() {
    var directory = TopicDirectory()
    let endpoint = endpoint(1, name: "10.0.0.1:8000", host: "10.0.0.1")
    directory.insert(endpoint)
    #expect(sender(&directory, "kv@10.0.0.1:8000@m") == .endpoint(endpoint.slot))
    directory.remove(endpoint.slot)
    #expect(sender(&directory, "kv@10.0.0.1:8000@m") == .nobody)
  }

  @Test func onlyWhatChangesAnAnswerIsAChange() {
    var directory = TopicDirectory()
    var first = endpoint(1, name: "a", host: "10.0.0.1")
    directory.insert(first)
    let version = directory.version
    first.labels = ["role": "decode"]
    directory.insert(first)
    directory.remove(EndpointSlot(index: 9, generation: 1))
    #expect(directory.version == version)
    first.name = "b"
    directory.insert(first)
    #expect(directory.version > version)
    #expect(sender(&directory, "kv@a@m") == .nobody)
    #expect(sender(&directory, "kv@b@m") == .endpoint(first.slot))
  }
}
