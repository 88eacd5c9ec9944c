import EPPCore
import EPPRequests

/// `sglang`: both engines get the prefill engine's bootstrap server and the number of a room in which they meet.
struct SGLangConnector: KVConnector {
  let port: UInt16

  var order: LegOrder { .together }
  var limitsPrefill: Bool { false }
  // SGLang in decode mode answers a request without a room with 400.
  var decodesAlone: Bool { false }

  func writePrefill(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) { write(&edit, transfer) }
  func writeDecode(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) { write(&edit, transfer) }

  private func write(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {
    edit.set("bootstrap_host", transfer.prefill.host)
    edit.set("bootstrap_port", Int(port))
    edit.set("bootstrap_room", json: String(transfer.room).utf8)
  }
}
