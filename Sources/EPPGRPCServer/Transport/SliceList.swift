import CGRPCShim

/// A run of bytes in slices of the C core, received or to be sent. The bytes are referenced, not copied.
///
/// Owns one reference to each slice, and releases it in `deinit`. Not for use by several threads at once.
struct SliceList: ~Copyable {
  /// The slices in order.
  private(set) var slices: [epp_slice] = []
  /// Number of bytes in all slices.
  private(set) var byteCount = 0

  init() {}

  /// Makes a list of slices, and takes over the caller's reference to each.
  init(owning slices: [epp_slice]) {
    self.slices = slices
    for index in slices.indices {
      byteCount += unsafe withUnsafePointer(to: slices[index]) { unsafe epp_slice_count($0) }
    }
  }

  /// Appends a slice, and takes over the caller's reference.
  mutating func append(owning slice: epp_slice) {
    let count = unsafe withUnsafePointer(to: slice) { unsafe epp_slice_count($0) }
    byteCount += count
    slices.append(slice)
  }

  /// Appends a copy of bytes.
  mutating func append(copying bytes: [UInt8]) {
    append(owning: unsafe bytes.withUnsafeBytes { unsafe epp_slice_copy($0.baseAddress, $0.count) })
  }

  /// The position in a list at which a search for a range begins: a slice, and the number of bytes before it.
  struct Position {
    fileprivate var index = 0
    fileprivate var start = 0
  }

  /// Appends references to a range of bytes of another list.
  mutating func append(_ range: Range<Int>, of other: borrowing SliceList) {
    var position = Position()
    append(range, of: other, from: &position)
  }

  /// Appends references to a range of bytes of another list, for ranges in ascending order: the search begins at `position`,
  /// which is advanced, so that a list is divided into any number of ranges in one pass.
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

  /// Calls `body` with the bytes of a range, slice by slice, without copying.
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

  /// Removes all slices, and releases the references to them.
  mutating func removeAll() {
    for slice in slices { unsafe withUnsafePointer(to: slice) { unsafe epp_slice_unref($0) } }
    slices.removeAll(keepingCapacity: true)
    byteCount = 0
  }

  /// Calls `body` with all bytes in one piece. The bytes of several slices are copied into `buffer`.
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
