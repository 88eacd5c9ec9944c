/// The models that an engine serves: the names of its own model, and loaded LoRA adapters.
package struct ServedModels: Sendable {
  /// The model that a name stands for.
  package enum Target: Sendable, Equatable {
    /// The engine's own model.
    case base
    /// A LoRA adapter.
    case adapter(LoadedAdapter)
  }

  /// Names of the engine's own model; at least one.
  package let names: [String]
  /// Loaded adapters, in the order in which they were loaded.
  package private(set) var adapters: [LoadedAdapter]
  /// Number of adapters that were loaded since the start.
  private var loaded: Int

  /// Loaded adapters at most; vLLM's limit is the memory of its host.
  private static let maximumLoaded = 1024

  /// Loads the adapters of the options.
  package init(options: EngineOptions) {
    names = options.models.isEmpty ? [options.modelName] : options.models
    adapters = options.adapters.enumerated().map { LoadedAdapter(name: $1, path: $1, number: $0 + 1) }
    loaded = adapters.count
  }

  /// Returns the model that a name stands for; nil for an unknown name. The empty name is the engine's own model.
  package func target(of name: String) -> Target? {
    if name.isEmpty || names.contains(name) { return .base }
    return adapters.first { $0.name == name }.map(Target.adapter)
  }

  /// Loads an adapter. Returns vLLM's response text.
  ///
  /// - Throws: `APIError` when name or path is empty, when the name is used, and when too many adapters are loaded.
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

  /// Unloads an adapter; requests that use it go on. Returns vLLM's response text.
  ///
  /// - Throws: `APIError` when no adapter has the name.
  package mutating func unload(name: String) throws(APIError) -> String {
    guard let index = adapters.firstIndex(where: { $0.name == name }) else {
      throw APIError(
        status: 404, message: "The lora adapter '\(name)' cannot be found.", type: "NotFoundError")
    }
    adapters.remove(at: index)
    return "Success: LoRA adapter '\(name)' removed successfully."
  }

  /// Returns the body of `/v1/models`.
  ///
  /// - Parameters:
  ///   - contextTokens: Tokens of the longest sequence.
  ///   - created: Seconds since 1970.
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
