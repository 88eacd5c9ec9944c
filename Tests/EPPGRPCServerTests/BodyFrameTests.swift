import CGRPCShim
import EPPCore
import EPPExtProc
import EPPTestKit
import Testing

@testable import EPPGRPCServer

/// The direct codec of body frames, held equal to protobuf-c.
@Suite struct BodyFrameTests {
  /// The bytes in slices that are cut at random places.
  private func slices(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> SliceList {
    var list = SliceList()
    var start = 0
    while start < bytes.count {
      let count = Int.random(in: 1...max(1, min(40, bytes.count - start)), using: &generator)
      list.append(copying: Array(bytes[start..<(start + count)]))
      start += count
    }
    return list
  }

  private func payload(_ list: borrowing SliceList, _ range: Range<Int>) -> [UInt8] {
    var bytes: [UInt8] = []
    list.forEachPiece(of: range) { span in
      for index in 0..<span.byteCount { bytes.append(span.unsafeLoad(fromByteOffset: index, as: UInt8.self)) }
    }
    return bytes
  }

  @Test func readsAPlainFrameAcrossAnyCutting() {
    var generator = SeededGenerator(seed: 1)
    let content = (0..<300).map { UInt8(truncatingIfNeeded: $0) }
    let bytes = WireSamples.body(4, content, endOfStream: true) + WireSamples.number(10, 0) + WireSamples.message(8, [])
    for _ in 0..<200 {
      let list = slices(bytes, &generator)
      guard case .frame(let frame) = BodyFrame.scan(list) else {
        Issue.record("a plain frame was not recognised")
        return
      }
      #expect(frame.direction == .request)
      #expect(frame.endOfStream)
      #expect(frame.metadata == nil)
      #expect(payload(list, frame.payload) == content)
    }
  }

  @Test func givesTheMetadataOfAFrame() {
    let structure = WireSamples.structure("k", WireSamples.stringValue("v"))
    let bytes = WireSamples.body(5, [1]) + WireSamples.metadata("envoy.lb", structure)
    var list = SliceList()
    list.append(copying: bytes)
    guard case .frame(let frame) = BodyFrame.scan(list) else {
      Issue.record("a frame with metadata was not recognised")
      return
    }
    #expect(frame.direction == .response)
    #expect(frame.metadata != nil)
  }

  @Test func leavesOtherMessagesToTheFullDecoder() {
    for bytes in [
      WireSamples.headers(2, [(":path", "/")]), WireSamples.body(4, [1]) + WireSamples.body(4, [2]), [],
      WireSamples.message(6, []), WireSamples.number(4, 1),
    ] {
      var list = SliceList()
      list.append(copying: bytes)
      #expect(BodyFrame.scan(list) == .other)
    }
  }

  @Test func refusesWhatIsCutOrMalformed() {
    let whole = WireSamples.body(4, Array(repeating: 7, count: 200), endOfStream: true)
    for count in 1..<whole.count {
      var list = SliceList()
      list.append(copying: Array(whole.prefix(count)))
      #expect(BodyFrame.scan(list) == .malformed, "cut after \(count) bytes")
    }
    var list = SliceList()
    list.append(copying: [0x22, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01])
    #expect(BodyFrame.scan(list) == .malformed)
  }

  /// Random messages and mutations of them: where the direct codec reads a frame, protobuf-c reads the same one; where it
  /// finds it malformed, protobuf-c does too.
  @Test func agreesWithProtobufC() {
    var generator = SeededGenerator(seed: 7)
    let decoder = MessageDecoder(interest: HeaderInterest())
    for _ in 0..<20_000 {
      var bytes: [UInt8] = []
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        switch Int.random(in: 0..<6, using: &generator) {
        case 0, 1:
          let content = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in
            UInt8.random(in: 0...255, using: &generator)
          }
          bytes += WireSamples.body(
            Bool.random(using: &generator) ? 4 : 5, content, endOfStream: Bool.random(using: &generator))
        case 2: bytes += WireSamples.metadata("n", WireSamples.structure("k", WireSamples.stringValue("v")))
        case 3: bytes += WireSamples.number(10, UInt64.random(in: 0...300, using: &generator))
        case 4: bytes += WireSamples.message(11, WireSamples.number(1, 4) + WireSamples.number(2, 4))
        default: bytes += WireSamples.message(20, [1, 2, 3])
        }
      }
      if Bool.random(using: &generator), !bytes.isEmpty {
        bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      }
      let list = slices(bytes, &generator)
      var joined: [UInt8] = []
      let full = list.withContiguousBytes(&joined) { decoder.decode($0) }
      switch BodyFrame.scan(list) {
      case .other: break
      case .malformed: #expect(full == nil, "protobuf-c accepts \(bytes)")
      case .frame(let frame):
        if let metadata = frame.metadata, decoder.decodeMetadata(metadata) == nil {
          #expect(full == nil, "protobuf-c accepts \(bytes)")
          continue
        }
        guard let (message, _) = full, case .body(let direction, let content, let endOfStream) = message else {
          Issue.record("protobuf-c does not read a body in \(bytes)")
          continue
        }
        #expect(direction == frame.direction)
        #expect(endOfStream == frame.endOfStream)
        #expect(content == payload(list, frame.payload))
      }
    }
  }
}
