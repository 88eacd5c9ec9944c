import EPPCore
import EPPRequests

/// `nixlv2`, vLLM's NixlConnector: the prefill engine's answer says where its blocks are, and the decode engine reads them from there.
struct NIXLv2Connector: KVConnector {
  var order: LegOrder { .prefillFirst }

  func writePrefill(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {
    edit.set("kv_transfer_params", json: Self.prefillParameters.utf8)
  }

  func writeDecode(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {
    // Null where the engine has said nothing: it then computes the prompt itself.
    edit.set("kv_transfer_params", json: transfer.prefillParameters ?? Array("null".utf8))
  }

  func prefillHeaders(_ transfer: KVTransfer) -> [RequestHeaders.Field] { requestID(transfer) }
  func decodeHeaders(_ transfer: KVTransfer) -> [RequestHeaders.Field] { requestID(transfer) }

  private func requestID(_ transfer: KVTransfer) -> [RequestHeaders.Field] {
    [RequestHeaders.Field(name: HeaderName.requestID, value: transfer.id)]
  }

  private static let prefillParameters =
    #"{"do_remote_decode":true,"do_remote_prefill":false,"remote_engine_id":null,"remote_block_ids":null,"remote_host":null,"#
    + #""remote_port":null}"#
}
