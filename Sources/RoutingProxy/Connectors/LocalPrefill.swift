import EPPCore

/// No prefill engine: the decode engine computes the prompt, of which other engines have encoded the media or hold blocks.
package struct LocalPrefill: KVConnector {
  package init() {}

  package var order: LegOrder { .decodeAlone }

  package func writePrefill(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {}
  package func writeDecode(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {}
  package func writeAlone(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) { transfer.writeSource(&edit) }
}
