import NIOCore
import NIOHTTP1

/// Paths that vLLM does not have: they get and set simulated faults.
extension EngineHTTPHandler {
  /// Seconds of the longest fault with an end.
  private static let longestFault = 86_400.0

  /// Answers `/sim/faults`: gets or sets the engine's fault.
  func serveFaults(_ method: HTTPMethod) throws(APIError) {
    guard method == .POST else { return respond(200, json: Self.json(of: engine.fault)) }
    let body = try bodyJSON()
    let seconds = body["seconds"]?.double
    guard
      let fault = EngineFault(
        mode: body["mode"]?.text ?? "", factor: body["factor"]?.double,
        status: body["status"]?.integer.map { Int(clamping: $0) }),
      (0...Self.longestFault).contains(seconds ?? 0)
    else {
      throw APIError(
        status: 400,
        message: "\(EngineFault.accepted); seconds are at most a day",
        type: "BadRequestError", parameter: "mode")
    }
    // Answered first: a connection that is refused from now on could not bring the answer.
    respond(200, json: Self.json(of: fault))
    engine.setFault(fault, for: seconds.map { .seconds($0) })
  }

  private static func json(of fault: EngineFault) -> String {
    let status = fault.errorStatus.map { ",\"status\":\($0)" } ?? ""
    return #"{"mode":"\#(fault.mode)","factor":\#(fault.slowness * fault.transferSlowness)\#(status)}"#
  }

  /// Answers `/sim/requests`: the latest requests, and how many run and were given up.
  func serveRequestLog() { respond(200, json: engine.requests.json) }

  /// Answers `/sim/transfers`: what was sent to other engines, and what has come from them.
  func serveTransfers() throws(APIError) {
    guard let json = engine.transfersJSON else {
      throw APIError(
        status: 400, message: "No blocks are transferred: start engine-sim with --kv-connector.",
        type: "BadRequestError")
    }
    respond(200, json: json)
  }

  /// Answers `/sim/kv-events`: gets or sets the faults of the publisher of KV events.
  func serveKVEventFaults(_ method: HTTPMethod) throws(APIError) {
    guard let publisher = engine.publisher else {
      throw APIError(
        status: 400, message: "KV events are off: start engine-sim with --kv-events-config.", type: "BadRequestError")
    }
    if method == .POST {
      let body = try bodyJSON()
      let wrong = APIError(
        status: 400,
        message: "drop, garble and garbage are counts up to \(KVEventFaults.maximumCount), paused is true or false",
        type: "BadRequestError")
      func count(_ name: String) throws(APIError) -> Int? {
        guard let value = body[name] else { return nil }
        guard let count = value.integer, count <= KVEventFaults.maximumCount else { throw wrong }
        return Int(count)
      }
      let (dropped, garbled, garbage) = (try count("drop"), try count("garble"), try count("garbage"))
      if let paused = body["paused"], paused.boolean == nil { throw wrong }
      publisher.changeFaults { faults in
        faults.dropped = dropped ?? faults.dropped
        faults.garbled = garbled ?? faults.garbled
        faults.garbage = garbage ?? faults.garbage
        faults.isPaused = body["paused"]?.boolean ?? faults.isPaused
      }
    }
    let (faults, published) = publisher.state
    respond(
      200,
      json: """
        {"published":\(published),"drop":\(faults.dropped),"garble":\(faults.garbled),"garbage":\(faults.garbage),\
        "paused":\(faults.isPaused)}
        """)
  }
}
