/// The names that an engine answers to: its model's and those of the LoRA adapters that are loaded.
package struct ServedModels: Sendable {
  /// What a name stands for.
  package enum Target: Sendable, Equatable {
    case base
    case adapter(LoadedAdapter)
  }

  package let names: [String]
  /// In the order in which they were loaded.
  package private(set) var adapters: [LoadedAdapter]
  /// Adapters that were ever loaded.
  private var loaded: Int

  /// Adapters kept at most; vLLM is bound by the memory of its host.
  private static let maximumLoaded = 1024

  package init(options: EngineOptions) {
    names = options.models.isEmpty ? [options.modelName] : options.models
    adapters = options.adapters.enumerated().map { LoadedAdapter(name: $1, path: $1, number: $0 + 1) }
    loaded = adapters.count
  }

  /// What a request's model stands for; the empty name is the engine's own model. Nil for an unknown name.
  package func target(of name: String) -> Target? {
    if name.isEmpty || names.contains(name) { return .base }
    return adapters.first { $0.name == name }.map(Target.adapter)
  }

  /// Loads an adapter and tells what vLLM tells.
  package mutating func load(name: String, path: String) throws(APIError) -> String {
    guard !name.isEmpty, !path.isEmpty else {
      throw APIError(
        status: 400, message: "Both 'lora_name' and 'lora_path' must be provided.", type: "InvalidUserInput")
    }
    guard target(of: name) == nil else {
      throw APIError(
        status: 400, message: "The lora adapter '\(name)' has already been loaded.", type: "InvalidUserInput")
    }
    guard adapters.count < Self.maximumLoaded else {
      throw APIError(
        status: 400, message: "\(Self.maximumLoaded) adapters are loaded; unload one first.", type: "InvalidUserInput")
    }
    loaded += 1
    adapters.append(LoadedAdapter(name: name, path: path, number: loaded))
    return "Success: LoRA adapter '\(name)' added successfully."
  }

  /// Unloads an adapter; requests that use it go on.
  package mutating func unload(name: String) throws(APIError) -> String {
    guard let index = adapters.firstIndex(where: { $0.name == name }) else {
      throw APIError(
        status: 404, message: "The lora adapter '\(name)' cannot be found.", type: "NotFoundError")
    }
    adapters.remove(at: index)
    return "Success: LoRA adapter '\(name)' removed successfully."
  }

  /// The body of `/v1/models`; `created` is a time in seconds since 1970.
  package func json(contextTokens: Int, created: Int) -> String {
    let base = names.map { entry(id: $0, root: $0, parent: "null", length: "\(contextTokens)", created: created) }
    let parent = JSONString.quoted(names.first ?? "")
    let loaded = adapters.map { entry(id: $0.name, root: $0.path, parent: parent, length: "null", created: created) }
    return #"{"object":"list","data":[\#((base + loaded).joined(separator: ","))]}"#
  }

  private func entry(id: String, root: String, parent: String, length: String, created: Int) -> String {
    let permission = """
      {"id":\(JSONString.quoted("modelperm-\(id)")),"object":"model_permission","created":\(created),\
      "allow_create_engine":false,"allow_sampling":true,"allow_logprobs":true,"allow_search_indices":false,\
      "allow_view":true,"allow_fine_tuning":false,"organization":"*","group":null,"is_blocking":false}
      """
    return """
      {"id":\(JSONString.quoted(id)),"object":"model","created":\(created),"owned_by":"vllm","root":\(JSONString.quoted(root)),\
      "parent":\(parent),"max_model_len":\(length),"permission":[\(permission)]}
      """
  }
}
