// fuzz: EPPPrefixCache
import EPPPrefixCache
import Glibc

/// libFuzzer calls the target from one thread only; the batch keeps its memory from message to message, as on the event
/// thread.
nonisolated(unsafe) private var batch = KVEventBatch()

/// Messages of any bytes: no crash; what is announced is there; a refused message leaves nothing behind.
func decodeKVEvents(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let message = unsafe UnsafeRawBufferPointer(start: start, count: count)
  do {
    unsafe try KVEventDecoder().decode(message.bytes, into: &batch)
  } catch {
    unsafe precondition(batch.events.isEmpty && batch.hashes.isEmpty && batch.tokens.isEmpty, "an error leaves events")
    return 0
  }
  // Every hash and token takes a byte of the message at least: memory is bounded by what was received.
  unsafe precondition(batch.hashes.count + batch.tokens.count + batch.events.count <= count, "more than was sent")
  for event in unsafe batch.events {
    switch event {
    case .stored(let stored):
      unsafe precondition(batch.hashes.indices.contains(stored.hashes) || stored.hashes.isEmpty, "hashes")
      unsafe precondition(batch.tokens.indices.contains(stored.tokens) || stored.tokens.isEmpty, "tokens")
    case .removed(let removed):
      unsafe precondition(batch.hashes.indices.contains(removed.hashes) || removed.hashes.isEmpty, "hashes")
    case .cleared:
      break
    }
  }
  return 0
}

/// libFuzzer's driver. SwiftPM makes the main function of an executable, so the driver is called instead of linked as main.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
  _ count: UnsafeMutablePointer<CInt>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ target: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

var argumentCount = CommandLine.argc
var arguments = unsafe CommandLine.unsafeArgv
exit(unsafe runFuzzer(&argumentCount, &arguments, { unsafe decodeKVEvents($0, $1) }))
