/// The LoRA adapters of an engine (`vllm:lora_requests_info`).
package struct LoRAState: Equatable, Sendable {
  /// The name of an adapter with a hash of it: names are compared for each request at many endpoints, and unequal hashes spare that.
  package struct Adapter: Equatable, Sendable {
    /// The name.
    package let name: String
    private let hash: UInt64

    package init(_ name: String) {
      self.name = name
      var sum: UInt64 = 0
      for byte in name.utf8 { sum = sum &* 31 &+ UInt64(byte) }
      hash = SplitMix64.spread(sum)
    }

    /// One of 64 bits.
    package var mark: UInt64 { 1 << (hash & 63) }

    package static func == (one: Adapter, other: Adapter) -> Bool { one.hash == other.hash && one.name == other.name }
  }

  /// Adapters that can be loaded at once; 0 when LoRA is off or not reported.
  package let maximum: Int
  /// Adapters that run or wait. An adapter with both running and waiting requests, which vLLM lists twice, counts once.
  package let usedSlots: Int
  /// Adapters with a running request.
  package let running: [Adapter]
  /// Adapters with a waiting request.
  package let waiting: [Adapter]
  /// The marks of all adapters. An engine without the mark of an adapter does not have it, which spares looking it up where one adapter
  /// is looked for at many endpoints.
  package let marks: UInt64

  /// - Parameters:
  ///   - running: adapters with a running request.
  ///   - waiting: adapters with a waiting request.
  package init(maximum: Int = 0, running: [String] = [], waiting: [String] = []) {
    self.maximum = maximum
    self.running = running.map(Adapter.init)
    self.waiting = waiting.map(Adapter.init)
    usedSlots = running.count + waiting.count { !running.contains($0) }
    marks = (self.running + self.waiting).reduce(0) { $0 | $1.mark }
  }
}
