/// `inflight-load-producer`: counts the load in flight; always active.
package enum InFlightLoadProducer {
  /// The plugin type.
  package static let descriptor = PluginDescriptor(
    "inflight-load-producer", "Counts requests and tokens in flight at each endpoint",
    parameters: [
      PluginParameter("addEstimatedOutputTokens", .ignored(because: nil), "Has no effect: prompt tokens are counted"),
      PluginParameter("outputRatio", .ignored(because: nil), "Has no effect: prompt tokens are counted"),
      PluginParameter("maxEstimatedOutputTokens", .ignored(because: nil), "Has no effect: prompt tokens are counted"),
      PluginParameter("prefixMatchInfoProducerName", .ignored(because: nil), "Has no effect: the whole index counts"),
      PluginParameter("syncCrossReplicaState", .fixed(.boolean(false)), default: "false", "Only false is supported"),
    ],
    parts: [.builtIn(.producer)])
}
