import EPPCore
import EPPScheduling

/// The working memory of routing on one worker thread, reused so that nothing is allocated once it is warm.
package struct RoutingScratch {
  var request = RoutingRequest()
  var scheduling: SchedulingScratch

  init(seed: UInt64) { scheduling = SchedulingScratch(seed: seed) }

  /// Releases the request and keeps the storage.
  mutating func removeAll() {
    request.removeAll()
    scheduling.removeAll()
  }

  /// A UUID (version 4) for a request without an id.
  package mutating func makeRequestID() -> String {
    let high = scheduling.random.next()
    let low = scheduling.random.next()
    let versioned = high & 0xFFFF_FFFF_FFFF_0FFF | 0x4000
    let variant = low & 0x3FFF_FFFF_FFFF_FFFF | 0x8000_0000_0000_0000
    return Self.hex(versioned >> 32, 8) + "-" + Self.hex(versioned >> 16 & 0xFFFF, 4) + "-"
      + Self.hex(versioned & 0xFFFF, 4) + "-" + Self.hex(variant >> 48, 4) + "-"
      + Self.hex(variant & 0xFFFF_FFFF_FFFF, 12)
  }

  private static func hex(_ value: UInt64, _ digits: Int) -> String {
    let text = String(value, radix: 16)
    return String(repeating: "0", count: max(0, digits - text.count)) + text
  }
}
