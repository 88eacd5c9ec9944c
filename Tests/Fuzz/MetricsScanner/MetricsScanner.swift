// fuzz: EPPDataLayer
import EPPDataLayer
import Glibc

/// Pages of any bytes, whole and in two pieces: no crash, and the cutting changes nothing.
///
/// The first two bytes say where the page is cut, the rest is the page.
func scanMetricsPage(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 2 else { return 0 }
  let input = unsafe UnsafeRawBufferPointer(start: start, count: count)
  let page = unsafe UnsafeRawBufferPointer(rebasing: input[2...])
  let cut = unsafe (Int(input[0]) << 8 | Int(input[1])) % (page.count + 1)

  var whole = MetricsPageScanner()
  unsafe whole.scan(page.bytes)
  let expected = whole.finish()

  var pieces = MetricsPageScanner()
  unsafe pieces.scan(UnsafeRawBufferPointer(rebasing: page[..<cut]).bytes)
  unsafe pieces.scan(UnsafeRawBufferPointer(rebasing: page[cut...]).bytes)
  precondition(pieces.finish() == expected, "the cut changed what was read")

  // A scanner that has read one page reads the next as a new one does.
  unsafe pieces.scan(page.bytes)
  precondition(pieces.finish() == expected, "something of the page before is left")
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
exit(unsafe runFuzzer(&argumentCount, &arguments, { unsafe scanMetricsPage($0, $1) }))
