import CGRPCShim
import EPPExtProc
import Glibc

/// The bytes of a request's body in one piece, from its first chunk until it has been sent back.
///
/// The gRPC core delivers slices of its socket buffers: one byte of a body can keep a buffer of 8 KB or more alive, and a slice
/// takes 32 bytes. So a body is copied, which costs no more than joining its slices for the parser would. One large slice is
/// only referenced until another follows: most bodies are never copied.
///
/// Keeps the reservation of its memory until it is deinitialised, which is after the core has sent all references to it.
/// Use it on one thread at a time; the last reference may be released on any thread.
@safe final class RequestBody {
  /// Bytes of the smallest slice that is referenced. A socket buffer of the core has at most 64 KB, four times as much.
  private static let smallestReference = 16 << 10

  private let reservation: BodyReservation
  /// The body while it is one slice; empty once it is copied.
  private var referenced = SliceList()
  private var memory: UnsafeMutableRawPointer?
  private var capacity = 0
  /// Bytes of the body so far.
  private(set) var count = 0

  /// Makes an empty body.
  ///
  /// - Parameter reservation: Counts the body's memory.
  init(_ reservation: BodyReservation) { self.reservation = reservation }

  deinit { unsafe free(memory) }

  /// Appends a range of a message. The reservation has to include it. Must not be called after `slices()`.
  func append(_ range: Range<Int>, of message: borrowing SliceList) {
    if range.isEmpty { return }
    if count == 0, range.count >= Self.smallestReference {
      referenced.append(range, of: message)
      if referenced.slices.count == 1 {
        count = range.count
        return
      }
      referenced.removeAll()
    }
    grow(to: reservation.capacity)
    if referenced.byteCount > 0 {
      count = 0
      copy(0..<referenced.byteCount, of: referenced)
      referenced.removeAll()
    }
    copy(range, of: message)
  }

  private func copy(_ range: Range<Int>, of source: borrowing SliceList) {
    source.forEachPiece(of: range) { piece in
      unsafe piece.withUnsafeBytes { bytes in
        precondition(count + bytes.count <= capacity, "more bytes than are reserved")
        guard let source = bytes.baseAddress, let memory = unsafe memory else { return }
        unsafe (memory + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
      }
    }
  }

  private func grow(to wanted: Int) {
    guard wanted > capacity else { return }
    guard let moved = unsafe realloc(memory, wanted) else {
      fatalError("no memory for a request body of \(wanted) bytes")
    }
    unsafe memory = moved
    capacity = wanted
  }

  /// The bytes so far. Valid until the next `append`.
  private var bytes: UnsafeRawBufferPointer {
    // Only small slices hold their bytes themselves: the address of a large one's does not depend on where its value is.
    guard let slice = referenced.slices.first else { return unsafe UnsafeRawBufferPointer(start: memory, count: count) }
    return unsafe withUnsafePointer(to: slice) {
      unsafe UnsafeRawBufferPointer(start: epp_slice_bytes($0), count: epp_slice_count($0))
    }
  }

  /// Calls `body` with the bytes so far.
  func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
    unsafe body(bytes.bytes)
  }

  /// Returns slices of the gRPC core that refer to the body's memory, and keep the body alive.
  func slices() -> SliceList {
    var list = SliceList()
    guard count > 0, let start = unsafe bytes.baseAddress else { return list }
    let owner = unsafe Unmanaged.passRetained(self).toOpaque()
    let slice = unsafe epp_slice_adopt(UnsafeMutableRawPointer(mutating: start), count, owner) { owner in
      unsafe Unmanaged<RequestBody>.fromOpaque(owner).release()
    }
    list.append(owning: slice)
    return list
  }
}
