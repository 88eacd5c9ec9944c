package import EPPCore
import EPPRequests

/// `mooncake`, vLLM's MooncakeConnector: the prefill engine's bootstrap server names its engines, of which the decode engine gets one.
package struct MooncakeConnector: KVConnector {
  let port: UInt16

  package var order: LegOrder { .togetherAfterBootstrap }

  package func writePrefill(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {
    var parameters = JSONObjectEdit()
    parameters.set("do_remote_prefill", false)
    parameters.set("do_remote_decode", true)
    parameters.set("transfer_id", Self.transferID(transfer))
    edit.set("kv_transfer_params", parameters, RawSpan())
  }

  package func writeDecode(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {
    var parameters = JSONObjectEdit()
    parameters.set("do_remote_prefill", true)
    parameters.set("do_remote_decode", false)
    parameters.set("transfer_id", Self.transferID(transfer))
    parameters.set("remote_bootstrap_addr", "http://\(EndpointAddress(host: transfer.prefill.host, port: port))")
    parameters.set("remote_engine_id", transfer.bootstrap?.engineID)
    edit.set("kv_transfer_params", parameters, RawSpan())
  }

  package func prefillHeaders(_ transfer: KVTransfer) -> [RequestHeaders.Field] {
    // The blocks have to be computed by the engine whose id the decode engine has.
    transfer.bootstrap.map { [RequestHeaders.Field(name: "x-data-parallel-rank", value: $0.rank)] } ?? []
  }

  private static func transferID(_ transfer: KVTransfer) -> String { "xfer-\(transfer.id)" }

  /// The engines of a bootstrap server, by its answer to `GET /query`: `{"0": {"engine_id": "..."}, ...}`; empty when it has none or
  /// is no such answer.
  package static func engines(_ answer: RawSpan) -> [KVTransfer.Bootstrap] {
    var engines: [KVTransfer.Bootstrap] = []
    do {
      var cursor = JSONCursor(answer)
      guard try cursor.peek(answer) == .object else { return [] }
      try cursor.open(answer, .object)
      var isFirst = true
      while let rank = try cursor.nextMember(answer, isFirst: &isFirst) {
        guard try cursor.peek(answer) == .object else {
          try cursor.skipValue(answer)
          continue
        }
        try cursor.open(answer, .object)
        var isFirstMember = true
        while let key = try cursor.nextMember(answer, isFirst: &isFirstMember) {
          guard key.equals("engine_id", in: answer), try cursor.peek(answer) == .string else {
            try cursor.skipValue(answer)
            continue
          }
          let id = try cursor.readString(answer).string(in: answer)
          engines.append(KVTransfer.Bootstrap(rank: rank.string(in: answer), engineID: id))
        }
      }
    } catch {
      return []
    }
    return engines
  }
}
