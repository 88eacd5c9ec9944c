import CGRPCShim
import EPPExtProc
import Glibc

/// A request's body while it comes in and until it has been sent back: a copy in one piece of memory of its own.
///
/// What the core delivers are references into the buffers that it reads sockets with: one byte of a body may hold on to a
/// buffer of 8 KB and more, and a slice takes 32 bytes. The copy costs no more than joining the pieces for the parser would.
///
/// Keeps the reservation of its memory until that is gone, which is when the core has sent what it was given references to.
/// One thread at a time; the last reference may go on any thread.
@safe final class RequestBody {
  private let reservation: BodyReservation
  private var memory: UnsafeMutableRawPointer?
  private var capacity = 0
  private(set) var count = 0

  init(_ reservation: BodyReservation) { self.reservation = reservation }

  deinit { unsafe free(memory) }

  /// Adds bytes of a message, for which there is room in the reservation. Not after `slices()` was called.
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

  /// References to all of it, which keep it alive.
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
