// fuzz: EPPCore EPPRequests RoutingProxy
import EPPCore
import EPPRequests
import Glibc
import RoutingProxy

/// Bodies and headers of any bytes through what a sidecar does with them: no crash; what it writes to engines is JSON with the
/// client's members; a target is an address or a name.
///
/// The first byte chooses connector and API, the rest is the body, the answer of the prefill engine, and a header.
func disaggregate(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 1 else { return 0 }
  let input = unsafe UnsafeBufferPointer(start: start, count: count)
  let choice = unsafe Int(input[0])
  let body = unsafe Array(input[1...])
  readTarget(body)
  _ = unsafe MooncakeConnector.engines(body.span.bytes)
  let kinds = KVConnectorKind.allCases
  let apis: [InferenceAPI] = [.chatCompletions, .completions, .messages, .responses, .generate]
  send(body, kinds[choice % kinds.count], apis[choice / kinds.count % apis.count])
  encode(body)
  return 0
}

private func send(_ body: [UInt8], _ kind: KVConnectorKind, _ api: InferenceAPI) {
  let transfer = KVTransfer(id: "id", prefill: EndpointAddress(host: "10.0.0.7", port: 8000), room: 7)
  guard
    var request = try? DisaggregatedRequest(body, api, kind.connector(ConnectorPorts()), transfer, failure: .local)
  else { return }
  var actions = request.start()
  var turns = 0
  while let action = actions.popLast(), turns < 16 {
    turns += 1
    switch action {
    case .askPrefill(let ask):
      check(ask.body)
      actions += unsafe request.prefillEnded(status: 200, body.span.bytes)
    case .askDecode(let ask, _), .tryDecode(let ask):
      check(ask.body)
      actions += request.tried(isBelowThreshold: true)
    case .askBootstrap: actions += request.bootstrapAnswered(.init(rank: "0", engineID: "e"))
    case .wait: actions += request.waited()
    case .releaseDecode, .cancel, .answerWithPrefill, .answerUnreachable, .countFallback: break
    }
  }
}

private func encode(_ body: [UInt8]) {
  guard var stage = try? EncodeStage(body, .nixl, engines: 3) else { return }
  var open = stage.start()
  var count = 0
  while let ask = open.popLast() {
    precondition(ask.item < EncodeStage.maximumItems && ask.engine == ask.item % 3)
    check(ask.body)
    count += 1
    switch unsafe stage.ended(body.span.bytes) {
    case .ask(let next): open.append(next)
    case .wait: precondition(!open.isEmpty, "an answer is waited for that nobody gives")
    case .complete: precondition(open.isEmpty, "the last answer is the last")
    }
  }
  precondition(count > 0 && count <= EncodeStage.maximumItems)
  check(stage.encodedBody)
}

/// What an engine gets is one JSON object.
private func check(_ written: [UInt8]) {
  precondition(unsafe (try? JSONObjectEdit(written.span.bytes)) != nil, "an engine gets what is no object")
}

private func readTarget(_ bytes: [UInt8]) {
  let text = String(decoding: bytes.prefix(300), as: UTF8.self)
  guard let target = try? NamedTarget(text) else { return }
  precondition(!target.endpoint.host.contains("/") && !target.endpoint.host.contains("@"), "a target is a host")
  let policy = TargetPolicy(.networks(TargetPolicy.privateNetworks, ports: [8000]))
  guard let address = target.address, (try? policy.check(address, port: target.endpoint.port)) != nil else { return }
  precondition(!address.isSpecial && target.endpoint.port == 8000, "a special address is allowed")
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
exit(unsafe runFuzzer(&argumentCount, &arguments, { unsafe disaggregate($0, $1) }))
