// fuzz: CGRPCShim EPPCore EPPExtProc EPPGRPCServer
import EPPCore
import EPPExtProc
import Glibc

@testable import EPPGRPCServer

/// One per process: a decoder keeps its memory from message to message, as on a worker thread. libFuzzer calls the target
/// from one thread only.
nonisolated(unsafe) private let decoder = MessageDecoder(interest: HeaderInterest())

/// Messages of any bytes: no crash, and where the direct codec sees a body frame, protobuf-c reads the same out of it.
///
/// The first byte says into how many slices the message is cut.
func decodeProcessingRequest(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 1 else { return 0 }
  let input = unsafe UnsafeBufferPointer(start: start, count: count)
  let sliceBytes = unsafe max(1, (count - 1) / (Int(input[0] & 7) + 1))
  let message = unsafe Array(input.dropFirst())

  var list = SliceList()
  var offset = 0
  while offset < message.count {
    let end = min(offset + sliceBytes, message.count)
    list.append(copying: Array(message[offset..<end]))
    offset = end
  }
  let scanned = BodyFrame.scan(list)
  let decoded = unsafe decoder.decode(message.span.bytes)

  guard case .frame(let frame) = scanned else { return 0 }
  if let metadata = frame.metadata {
    // The direct codec leaves metadata unread, so only protobuf-c refuses the message for it.
    guard unsafe decoder.decodeMetadata(metadata) != nil else { return 0 }
  }
  guard case .body(let direction, let payload, let endOfStream)? = decoded?.0 else {
    preconditionFailure("a body frame that protobuf-c does not read as one")
  }
  precondition(direction == frame.direction, "direction")
  precondition(endOfStream == frame.endOfStream, "end of stream")
  precondition(payload == Array(message[frame.payload]), "payload")
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
exit(unsafe runFuzzer(&argumentCount, &arguments, { unsafe decodeProcessingRequest($0, $1) }))
