// fuzz: EPPCore EPPDataLayer
import EPPCore
import EPPDataLayer
import Glibc

/// Layouts beside the standard one.
enum Layouts {
  /// A kind of engine that a configuration describes, with conditions on labels.
  static let configured: EnginePageLayout = {
    var specs = EngineMetricSpecs(name: "configured")
    specs.waitingRequests = MetricSpec("vllm:num_requests_waiting", [.init("engine", "0")])
    specs.cacheInfo = MetricSpec("vllm:cache_config_info")
    specs.loRA = MetricSpec("vllm:lora_requests_info")
    specs.attributes = [.init(key: "a", spec: MetricSpec("vllm:num_requests_running", [.init("engine", "a\"b")]))]
    return EnginePageLayout(specs)
  }()
}

/// Pages of any bytes, whole and in two pieces: no crash, and the cutting changes nothing.
///
/// The first two bytes say where the page is cut and which kind of engine is expected, the rest is the page.
func scanMetricsPage(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 2 else { return 0 }
  let input = unsafe UnsafeRawBufferPointer(start: start, count: count)
  let page = unsafe UnsafeRawBufferPointer(rebasing: input[2...])
  let cut = unsafe (Int(input[0]) << 8 | Int(input[1])) % (page.count + 1)

  let layout = unsafe input[0] & 0x80 == 0 ? EnginePageLayout.standard : Layouts.configured
  var whole = MetricsPageScanner(layout)
  unsafe whole.scan(page.bytes)
  let expected = whole.finish()

  var pieces = MetricsPageScanner(layout)
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
