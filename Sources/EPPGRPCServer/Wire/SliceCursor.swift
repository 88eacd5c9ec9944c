import CGRPCShim

/// Reads protobuf wire format from the slices of a list, without joining them. Has to be used while the list exists.
struct SliceCursor {
  private let slices: [epp_slice]
  private var index = 0
  private var offset = 0
  /// Number of bytes of the slice at `index`.
  private var count = 0
  /// Number of bytes read so far.
  private(set) var position = 0
  private let total: Int

  init(_ list: borrowing SliceList) {
    slices = list.slices
    total = list.byteCount
    if !slices.isEmpty { count = byteCount(0) }
    skipEmptySlices()
  }

  /// Whether all bytes have been read.
  var isAtEnd: Bool { position >= total }
  /// Number of bytes that have not been read.
  var remaining: Int { total - position }

  private func byteCount(_ index: Int) -> Int {
    unsafe withUnsafePointer(to: slices[index]) { unsafe epp_slice_count($0) }
  }

  private mutating func skipEmptySlices() {
    while offset >= count, index + 1 < slices.count {
      index += 1
      offset = 0
      count = byteCount(index)
    }
  }

  /// Reads a byte; nil at the end.
  mutating func readByte() -> UInt8? {
    guard position < total else { return nil }
    let offset = self.offset
    let byte = unsafe withUnsafePointer(to: slices[index]) { unsafe epp_slice_bytes($0)[offset] }
    self.offset += 1
    position += 1
    if self.offset >= count { skipEmptySlices() }
    return byte
  }

  /// Reads a base-128 varint; nil when it is truncated or too long.
  mutating func readVarint(maximumBytes: UInt64 = 10) -> UInt64? {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while shift < 7 * maximumBytes {
      guard let byte = readByte() else { return nil }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
      shift += 7
    }
    return nil
  }

  /// Skips bytes. False, and nothing is skipped, when fewer remain.
  mutating func skip(_ bytes: Int) -> Bool {
    guard bytes >= 0, bytes <= remaining else { return false }
    position += bytes
    var left = bytes
    while left > 0 {
      let step = min(left, count - offset)
      offset += step
      left -= step
      if offset >= count { skipEmptySlices() }
    }
    return true
  }

  /// Reads a copy of the next `bytes` bytes; nil when fewer remain.
  mutating func readBytes(_ bytes: Int) -> [UInt8]? {
    guard bytes >= 0, bytes <= remaining else { return nil }
    var result: [UInt8] = []
    result.reserveCapacity(bytes)
    while result.count < bytes {
      let offset = self.offset
      let step = min(bytes - result.count, count - offset)
      unsafe withUnsafePointer(to: slices[index]) { slice in
        unsafe result.append(contentsOf: UnsafeBufferPointer(start: epp_slice_bytes(slice) + offset, count: step))
      }
      self.offset += step
      position += step
      if self.offset >= count { skipEmptySlices() }
    }
    return result
  }
}
