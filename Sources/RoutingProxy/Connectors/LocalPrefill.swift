import EPPCore

/// No transfer at all: the decode engine computes the prompt, of which other engines have encoded the media.
package struct LocalPrefill: KVConnector {
  package init() {}

  package var order: LegOrder { .decodeAlone }

  package func writePrefill(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {}
  package func writeDecode(_ edit: inout JSONObjectEdit, _ transfer: KVTransfer) {}
}
