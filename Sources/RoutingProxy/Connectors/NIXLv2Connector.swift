import EPPCore
import EPPRequests

/// `nixlv2`, vLLM's NixlConnector: the prefill engine's answer says where its blocks are, and the decode engine reads them from there.
struct NIXLv2Connector: KVConnector {
  var order: LegOrder { .prefillFirst }

  func writePrefill(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {
    var parameters = JSONObjectEdit()
    parameters.set("do_remote_decode", true)
    parameters.set("do_remote_prefill", false)
    for name in ["remote_engine_id", "remote_block_ids", "remote_host", "remote_port"] { parameters.set(name, nil) }
    transfer.source?.write(&parameters)
    edit.set("kv_transfer_params", parameters, RawSpan())
  }

  func writeDecode(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {
    // Null where the engine has said nothing: it then computes the prompt itself.
    edit.set("kv_transfer_params", json: transfer.prefillParameters ?? Array("null".utf8))
  }

  func writeAlone(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) { transfer.writeSource(&edit) }

  func prefillHeaders(_ transfer: KVTransfer) -> [RequestHeaders.Field] { requestID(transfer) }
  func decodeHeaders(_ transfer: KVTransfer) -> [RequestHeaders.Field] { requestID(transfer) }

  private func requestID(_ transfer: KVTransfer) -> [RequestHeaders.Field] {
    [RequestHeaders.Field(name: HeaderName.requestID, value: transfer.id)]
  }
}
