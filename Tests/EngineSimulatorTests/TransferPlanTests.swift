import EPPCore
import EngineSimulator
import Testing

/// What engines read of the requests that a routing sidecar writes.
@Suite struct TransferPlanTests {
  private let address = EndpointAddress(host: "10.0.0.7", port: 5600)

  private func plan(
    _ body: String, _ connector: KVTransferOptions.Connector, _ change: (inout KVTransferOptions) -> Void = { _ in }
  ) throws -> TransferPlan {
    var options = KVTransferOptions(connector)
    change(&options)
    return try TransferPlan(try JSONNode(Array(body.utf8)), options)
  }

  private func parameters(_ text: String) -> String { #"{"prompt":"x","kv_transfer_params":\#(text)}"# }

  @Test func nixlOffersUnderTheNameOfTheRequest() throws {
    let plan = try plan(
      parameters(
        #"{"do_remote_decode":true,"do_remote_prefill":false,"remote_engine_id":null,"remote_block_ids":null}"#),
      .nixlv2)
    #expect(plan.offer == .request)
    #expect(plan.source == nil)
  }

  @Test func nixlFetchesWithAllMembersAlone() throws {
    let members = [
      #""do_remote_prefill":true"#, #""remote_block_ids":[[1,2]]"#, #""remote_engine_id":"e""#,
      #""remote_request_id":"r""#, #""remote_host":"10.0.0.7""#, #""remote_port":5600"#,
    ]
    let all = try plan(parameters("{\(members.joined(separator: ","))}"), .nixlv2)
    #expect(all.source == TransferPlan.Source(address: address, offer: "r", engineID: "e", waits: false))
    for missing in members.indices {
      var others = members
      others.remove(at: missing)
      #expect(try plan(parameters("{\(others.joined(separator: ","))}"), .nixlv2) == TransferPlan())
    }
    #expect(try plan(parameters("null"), .nixlv2) == TransferPlan())
    #expect(try plan("{}", .nixlv2) == TransferPlan())
  }

  @Test func mooncakeMeetsUnderTheTransferID() throws {
    let prefill = try plan(
      parameters(#"{"do_remote_prefill":false,"do_remote_decode":true,"transfer_id":"xfer-1"}"#), .mooncake)
    #expect(prefill.offer == .named("xfer-1"))
    let decode = try plan(
      parameters(
        #"{"do_remote_prefill":true,"do_remote_decode":false,"transfer_id":"xfer-1","remote_bootstrap_addr":"#
          + #""http://10.0.0.7:5600","remote_engine_id":"e"}"#), .mooncake)
    #expect(decode.source == TransferPlan.Source(address: address, offer: "xfer-1", engineID: "e", waits: true))
    #expect(try plan(parameters(#"{"do_remote_decode":true}"#), .mooncake) == TransferPlan())
  }

  @Test func bothSGLangEnginesReadTheSameMembers() throws {
    let body = #"{"bootstrap_host":"10.0.0.7","bootstrap_port":5600,"bootstrap_room":1764613233000000123}"#
    let prefill = try plan(body, .sglang) { $0.mode = .prefill }
    #expect(prefill.offer == .named("1764613233000000123"))
    #expect(prefill.isPrefillOnly)
    #expect(prefill.source == nil)
    let decode = try plan(body, .sglang)
    #expect(decode.source == TransferPlan.Source(address: address, offer: "1764613233000000123", waits: true))
    #expect(try plan("{}", .sglang) == TransferPlan())
  }

  @Test func offloadingHasAKeyForEachRole() throws {
    let peer = #"{"kv_request_id":"k","remote_host":"10.0.0.7","remote_port":5600}"#
    let prefill = try plan(
      parameters(#"{"remote_decoder":{"kv_request_id":"k"},"remote_kv_source":\#(peer)}"#), .offloading)
    #expect(prefill.offer == .named("k"))
    #expect(prefill.source == TransferPlan.Source(address: address, offer: nil, waits: false))
    let decode = try plan(parameters(#"{"remote_prefiller":\#(peer)}"#), .offloading)
    #expect(decode.source == TransferPlan.Source(address: address, offer: "k", waits: true))
  }

  @Test func theThresholdIsAShare() throws {
    #expect(try plan(#"{"cache_hit_threshold":0.5}"#, .sharedStorage).threshold == 0.5)
    #expect(try plan(#"{"cache_hit_threshold":0}"#, .sharedStorage).threshold == 0)
    #expect(try plan("{}", .sharedStorage).threshold == nil)
    for wrong in ["2", "-1", #""half""#] {
      #expect(throws: APIError.self) { try plan(#"{"cache_hit_threshold":\#(wrong)}"#, .sharedStorage) }
    }
  }
}
