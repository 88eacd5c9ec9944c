// fuzz: EPPCore EPPScheduling
import EPPCore
@testable import EPPScheduling
import Glibc

/// Keys that are not in any input.
let ring: SessionKeyRing = {
  let ring = SessionKeyRing()
  ring.replace(with: [SessionSigningKey(Array("0123456789abcdef0123456789abcdef".utf8))])
  ring.setTime(1_800_000_000, at: MonotonicTime(nanoseconds: 0))
  return ring
}()

/// Headers of any bytes as cookies, as signed tokens and as llm-d's: no crash, no token that was not signed here, and base64 that is
/// what was encoded.
func readSession(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let input = unsafe UnsafeRawBufferPointer(start: start, count: count)
  let text = unsafe String(decoding: input, as: UTF8.self)
  let headers = RequestHeaders([.init(name: "cookie", value: text), .init(name: "x-session-token", value: text)])

  if let value = SessionIDSource.cookie("sid").value(in: headers) {
    precondition(!value.isEmpty && value.utf8.count + 4 <= text.utf8.count, "a cookie that is not there")
    precondition(!value.utf8.contains(0x3B), "a cookie goes past its end")
  }
  do {
    _ = try ring.read(text, now: MonotonicTime(nanoseconds: 0))
    preconditionFailure("a token that nobody has signed")
  } catch {}
  if let token = EndpointToken(text) {
    let endpoint = Endpoint(
      name: "e", address: EndpointAddress(host: "10.0.0.1", port: 8000), slot: EndpointSlot(index: 0, generation: 0))
    precondition(token.names(endpoint) == (Base64.bytes(text, .standard) == Array("default/e".utf8)), "another's token")
  }
  for variant in [Base64.Variant.standard, .url] {
    let bytes = unsafe Array(input)
    precondition(Base64.bytes(Base64.text(bytes, variant), variant) == bytes, "base64 loses something")
    _ = Base64.bytes(text, variant)
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
exit(unsafe runFuzzer(&argumentCount, &arguments, { unsafe readSession($0, $1) }))
