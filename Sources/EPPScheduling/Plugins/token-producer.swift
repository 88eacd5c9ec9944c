/// `token-producer`: finds a prompt's token ids for endpoints whose KV events are followed.
enum TokenProducer {
  static let descriptor = PluginDescriptor(
    "token-producer", olderNames: ["tokenizer"], "Finds a prompt's token ids where engines announce blocks of tokens",
    parameters: [
      PluginParameter("estimate", .ignored(because: nil), "Has no effect: see --token-source"),
      PluginParameter("modelName", .ignored(because: nil), "Has no effect: the request's model counts"),
      PluginParameter("vllm", .ignored(because: nil), "Has no effect: the pool's engines are asked"),
      PluginParameter("udsTokenizerConfig", .ignored(because: nil), "Has no effect: the pool's engines are asked"),
    ],
    parts: [.builtIn(.producer)])
}
