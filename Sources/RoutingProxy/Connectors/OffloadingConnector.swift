import EPPCore
import EPPRequests

/// `offloading`, the peer-to-peer tier of vLLM's OffloadingConnector: the prefill engine keeps the blocks under an id, by which the
/// decode engine fetches them.
struct OffloadingConnector: KVConnector {
  let ports: ConnectorPorts

  var order: LegOrder { .prefillFirst }

  func writePrefill(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {
    var decoder = JSONObjectEdit()
    decoder.set("kv_request_id", transfer.id)
    var parameters = JSONObjectEdit()
    parameters.set("remote_decoder", decoder, RawSpan())
    transfer.source?.write(&parameters)
    edit.set("kv_transfer_params", parameters, RawSpan())
  }

  func writeDecode(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {
    var prefiller = JSONObjectEdit()
    prefiller.set("kv_request_id", transfer.id)
    prefiller.set("remote_host", transfer.prefill.host)
    prefiller.set("remote_port", Int(ports.peerToPeer(of: transfer.prefill)))
    var parameters = JSONObjectEdit()
    parameters.set("remote_prefiller", prefiller, RawSpan())
    edit.set("kv_transfer_params", parameters, RawSpan())
  }

  func writeAlone(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) { transfer.writeSource(&edit) }
}
