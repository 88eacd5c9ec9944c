import CGRPCShim
import EPPExtProc
import Glibc

/// A contiguous copy of a request's body, from its first chunk until it has been sent back.
///
/// The gRPC core delivers slices of its socket buffers: one byte of a body can keep a buffer of 8 KB or more alive, and a slice
/// takes 32 bytes. Copying costs no more than joining the slices for the parser would.
///
/// Keeps the reservation of its memory until it is deinitialised, which is after the core has sent all references to it.
/// Use it on one thread at a time; the last reference may be released on any thread.
@safe final class RequestBody {
  private let reservation: BodyReservation
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
    grow(to: reservation.capacity)
    message.forEachPiece(of: range) { piece in
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

  /// Calls `body` with the bytes so far.
  func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
    unsafe body(UnsafeRawBufferPointer(start: memory, count: count).bytes)
  }

  /// Returns slices of the gRPC core that refer to the body's memory, and keep the body alive.
  func slices() -> SliceList {
    var list = SliceList()
    guard count > 0, let memory = unsafe memory else { return list }
    let owner = unsafe Unmanaged.passRetained(self).toOpaque()
    let slice = unsafe epp_slice_adopt(memory, count, owner) { owner in
      unsafe Unmanaged<RequestBody>.fromOpaque(owner).release()
    }
    list.append(owning: slice)
    return list
  }
}
