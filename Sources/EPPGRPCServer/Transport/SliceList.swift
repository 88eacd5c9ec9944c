import CGRPCShim

/// A run of bytes in pieces, as the C core delivered them or as they will be sent: references, no copies.
///
/// Owns one reference to each slice and gives it up at its end. Not shared between threads.
struct SliceList: ~Copyable {
  private(set) var slices: [epp_slice] = []
  /// Bytes in all slices.
  private(set) var byteCount = 0

  init() {}

  /// Takes over the caller's references.
  init(owning slices: [epp_slice]) {
    self.slices = slices
    for index in slices.indices {
      byteCount += unsafe withUnsafePointer(to: slices[index]) { unsafe epp_slice_count($0) }
    }
  }

  /// Takes over the caller's reference.
  mutating func append(owning slice: epp_slice) {
    let count = unsafe withUnsafePointer(to: slice) { unsafe epp_slice_count($0) }
    byteCount += count
    slices.append(slice)
  }

  /// Adds a copy of bytes.
  mutating func append(copying bytes: [UInt8]) {
    append(owning: unsafe bytes.withUnsafeBytes { unsafe epp_slice_copy($0.baseAddress, $0.count) })
  }

  /// A slice and the number of bytes before it: where a search for bytes begins.
  struct Position {
    fileprivate var index = 0
    fileprivate var start = 0
  }

  /// Adds references to the bytes `range` of another list; its slices are cut where the range begins and ends.
  mutating func append(_ range: Range<Int>, of other: borrowing SliceList) {
    var position = Position()
    append(range, of: other, from: &position)
  }

  /// The same for ranges that follow one another: each search begins where the last one has ended, so that a list is cut into
  /// any number of pieces in one pass.
  mutating func append(_ range: Range<Int>, of other: borrowing SliceList, from position: inout Position) {
    while !range.isEmpty, position.index < other.slices.count {
      let start = position.start
      let (end, piece): (Int, epp_slice?) = unsafe withUnsafePointer(to: other.slices[position.index]) { slice in
        let end = unsafe start + epp_slice_count(slice)
        let lower = max(range.lowerBound, start)
        let upper = min(range.upperBound, end)
        guard lower < upper else { return (end, nil) }
        return (end, unsafe epp_slice_sub(slice, lower - start, upper - start))
      }
      if let piece { append(owning: piece) }
      // The slice may hold the beginning of the next range as well.
      if end > range.upperBound { return }
      position.index += 1
      position.start = end
    }
  }

  /// Calls `body` with the bytes `range`, piece by piece, in place.
  func forEachPiece(of range: Range<Int>, _ body: (RawSpan) -> Void) {
    var start = 0
    for index in slices.indices {
      var slice = slices[index]
      unsafe withUnsafeMutablePointer(to: &slice) { pointer in
        let bytes = unsafe UnsafeRawBufferPointer(start: epp_slice_bytes(pointer), count: epp_slice_count(pointer))
        let lower = max(range.lowerBound - start, 0)
        let upper = min(range.upperBound - start, bytes.count)
        if lower < upper { unsafe body(UnsafeRawBufferPointer(rebasing: bytes[lower..<upper]).bytes) }
        start += bytes.count
      }
      if start >= range.upperBound { break }
    }
  }

  /// Gives up all references.
  mutating func removeAll() {
    for slice in slices { unsafe withUnsafePointer(to: slice) { unsafe epp_slice_unref($0) } }
    slices.removeAll(keepingCapacity: true)
    byteCount = 0
  }

  /// Calls `body` with the bytes in one piece: in place where they are in one slice, else copied into `buffer`.
  func withContiguousBytes<Result>(_ buffer: inout [UInt8], _ body: (RawSpan) -> Result) -> Result {
    if slices.count == 1 {
      // The value may hold its bytes itself, so the pointer is valid only while this copy of it stays in place.
      var slice = slices[0]
      return unsafe withUnsafeMutablePointer(to: &slice) { pointer in
        unsafe body(UnsafeRawBufferPointer(start: epp_slice_bytes(pointer), count: epp_slice_count(pointer)).bytes)
      }
    }
    buffer.removeAll(keepingCapacity: true)
    buffer.reserveCapacity(byteCount)
    for slice in slices {
      unsafe withUnsafePointer(to: slice) { pointer in
        unsafe buffer.append(
          contentsOf: UnsafeBufferPointer(start: epp_slice_bytes(pointer), count: epp_slice_count(pointer)))
      }
    }
    return unsafe buffer.withUnsafeBytes { unsafe body($0.bytes) }
  }

  deinit {
    for slice in slices { unsafe withUnsafePointer(to: slice) { unsafe epp_slice_unref($0) } }
  }
}
