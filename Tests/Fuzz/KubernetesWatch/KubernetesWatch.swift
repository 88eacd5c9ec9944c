// fuzz: EPPCore EPPDataLayer EPPKubernetes
import EPPCore
import EPPDataLayer
import Glibc
import NIOCore

@testable import EPPKubernetes

/// A watch of any bytes: lines do not depend on how the bytes are cut, no object crashes the decoder, and what is decoded makes
/// endpoints and rules that keep their promises.
///
/// The first byte says into how many pieces the bytes are cut, the second what kind of objects they are.
func readWatch(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  guard count > 2 else { return 0 }
  let input = unsafe UnsafeBufferPointer(start: start, count: count)
  let (pieces, kind) = unsafe (Int(input[0] & 15) + 1, input[1] & 3)
  let bytes = unsafe Array(input.dropFirst(2))
  let lines = splitLines(of: bytes, pieces: 1)
  precondition(lines == splitLines(of: bytes, pieces: pieces), "lines depend on the pieces")
  switch kind {
  case 0:
    let pods: [Pod] = objects(lines)
    let definition = PoolEndpoints.Definition(selector: LabelSelector(matching: [:]), targetPorts: [8000, 8001])
    let endpoints = PoolEndpoints(definition, pods: pods, ownAddresses: []).endpoints
    for endpoint in endpoints {
      guard let address = IPAddress(endpoint.address.host) else { preconditionFailure("an endpoint without address") }
      precondition(!address.isLoopback && !address.isLinkLocal && !address.isUnspecified, "an address of this machine")
    }
  case 1:
    for pool in objects(lines) as [InferencePool] {
      precondition((1...8).contains(pool.targetPorts.count) && !pool.targetPorts.contains(0), "target ports")
    }
  case 2:
    let rewrites: [InferenceModelRewrite] = objects(lines)
    guard let pool = rewrites.first?.pool else { break }
    let rules = PoolRules(of: pool, objectives: [], rewrites: rewrites).rules
    var generator = SplitMix64(seed: 1)
    for rule in rules.rewrites.values { _ = rule.draw(using: &generator) }
    _ = rules.otherModels?.draw(using: &generator)
  default:
    _ = objects(lines) as [InferenceObjective]
  }
  return 0
}

/// Returns the lines of bytes that arrive in so many pieces; nil when one is too long.
private func splitLines(of bytes: [UInt8], pieces: Int) -> [ByteBuffer]? {
  var splitter = LineSplitter(limit: 1 << 16)
  var found: [ByteBuffer] = []
  let size = max(1, (bytes.count + pieces - 1) / pieces)
  for offset in stride(from: 0, to: bytes.count, by: size) {
    splitter.append(ByteBuffer(bytes: bytes[offset..<min(bytes.count, offset + size)]))
    do {
      while let line = try splitter.next() { found.append(line) }
    } catch {
      return nil
    }
  }
  return found
}

/// Returns the objects that a state machine makes of the lines, which it reads as a list and then as a watch.
private func objects<Resource: KubernetesResource>(_ lines: [ByteBuffer]?) -> [Resource] {
  var machine = WatchStateMachine<Resource>(seed: 1)
  var cache = ResourceCache<Resource>()
  let now = MonotonicTime(nanoseconds: 1)
  _ = machine.start(now: now)
  var isWatching = false
  for line in lines ?? [] {
    if !isWatching {
      guard let page: ResourcePage<Resource> = try? KubernetesClient.decode(line) else { continue }
      let reaction = machine.listed(page, now: now)
      if let change = reaction.change { cache.apply(change) }
      if case .watch = reaction.step {
        isWatching = true
        machine.opened(now: now)
      }
    } else {
      guard let event: WatchEvent<Resource> = try? KubernetesClient.decode(line) else { continue }
      guard case .goOn(let change) = machine.received(event, now: now) else { break }
      if let change { cache.apply(change) }
    }
  }
  return Array(cache.objects.values)
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
exit(unsafe runFuzzer(&argumentCount, &arguments, { unsafe readWatch($0, $1) }))
