import CGRPCShim
import Glibc

/// A request's body while it comes in and until it has been sent back: a copy in one piece of memory of its own.
///
/// What the core delivers are references into the buffers that it reads sockets with: one byte of a body may hold on to a
/// buffer of 8 KB and more, and a slice takes 32 bytes. The copy costs no more than joining the pieces for the parser would.
///
/// Counts its memory in the budget until that is gone, which is when the core has sent what it was given references to.
/// One thread at a time; the last reference may go on any thread.
@safe final class RequestBody {
  /// Bytes that are taken at first: a body in small chunks is moved seldom, and a stream that stops early costs little.
  private static let smallest = 4096
  private static let large = 128 << 10

  private let budget: BodyBudget
  /// The length that the client has announced; bodies of clients that lie grow all the same.
  private let expectedCount: Int?
  private var memory: UnsafeMutableRawPointer?
  private var capacity = 0
  private(set) var count = 0

  init(budget: BodyBudget, expectedCount: Int?) {
    self.budget = budget
    self.expectedCount = expectedCount
  }

  deinit {
    unsafe free(memory)
    budget.giveBack(capacity)
  }

  /// Adds bytes of a message. Not after `slice()` was called.
  ///
  /// - Returns: false, and nothing added, when the budget has no room.
  func append(_ range: Range<Int>, of message: borrowing SliceList) -> Bool {
    guard reserve(count + range.count) else { return false }
    message.forEachPiece(of: range) { piece in
      unsafe piece.withUnsafeBytes { bytes in
        guard let source = bytes.baseAddress, let memory = unsafe memory else { return }
        unsafe (memory + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
      }
    }
    return true
  }

  private func reserve(_ wanted: Int) -> Bool {
    guard wanted > capacity else { return true }
    // Small bodies are moved seldom. Of large ones no more than a quarter is spare: the system moves them without copying.
    var larger = max(wanted, Self.smallest, capacity < Self.large ? 2 * capacity : capacity + capacity / 4)
    // Towards an end that is announced in larger steps, and not beyond it.
    if let expectedCount, wanted <= expectedCount { larger = min(expectedCount, max(larger, 4 * capacity)) }
    if !budget.take(larger - capacity) {
      larger = wanted
      guard budget.take(larger - capacity) else { return false }
    }
    guard let moved = unsafe realloc(memory, larger) else {
      budget.giveBack(larger - capacity)
      return false
    }
    unsafe memory = moved
    capacity = larger
    return true
  }

  /// Calls `body` with the bytes so far.
  func withBytes<Result>(_ body: (RawSpan) -> Result) -> Result {
    unsafe body(UnsafeRawBufferPointer(start: memory, count: count).bytes)
  }

  /// References to all of it, which keep it alive; the caller owns them.
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
