import ArgumentParser
import EPPCore

/// Flags of the requests of a load.
struct PromptOptions: ParsableArguments {
  @Option(help: "Bytes of prompt in a request.")
  var promptBytes = 4096

  @Option(help: "Share of the prompt (0...1) that all requests of a group begin with.")
  var sharedPrefix = 0.5

  @Option(help: "Number of different shared prefixes.")
  var groups = 16

  @Option(help: "Body bytes in a message; Envoy sends what it has read, up to 1 MB.")
  var chunkBytes = 65_536

  @Option(help: "API of the requests: completions or chat.")
  var api = RequestAPI.completions

  @Option(help: "Model name in the requests.")
  var model = "bench"

  @Option(help: "Seed of prompts and arrivals.")
  var seed: UInt64 = 1

  func validate() throws {
    guard promptBytes > 0 else { throw ValidationError("--prompt-bytes must be at least 1.") }
    guard (0...1).contains(sharedPrefix) else { throw ValidationError("--shared-prefix is a share between 0 and 1.") }
    guard groups > 0 else { throw ValidationError("--groups must be at least 1.") }
    guard chunkBytes >= 1024 else { throw ValidationError("--chunk-bytes must be at least 1024.") }
    guard promptBytes <= 1 << 30, groups <= (1 << 30) / promptBytes else {
      throw ValidationError("--groups times --prompt-bytes must be at most 1 GiB: every group is kept encoded.")
    }
    guard !model.contains(where: { $0 == "\"" || $0 == "\\" || $0.isNewline }) else {
      throw ValidationError("--model must not need escapes in JSON.")
    }
  }

  /// Makes a template for each group.
  func templates(streams: Bool, showsAnswers: Bool = true) -> [RequestTemplate] {
    let shape = RequestShape(api: api, model: model, streams: streams)
    let sharedBytes = Int(Double(promptBytes) * sharedPrefix)
    return (0..<groups).map { group in
      var generator = SplitMix64(seed: seed &* 1_000_003 &+ UInt64(group))
      let text = PromptText.make(bytes: promptBytes, using: &generator)
      return RequestTemplate(
        shape: shape, shared: text.prefix(sharedBytes).utf8, own: text.dropFirst(sharedBytes).utf8,
        chunkBytes: chunkBytes, showsAnswers: showsAnswers)
    }
  }
}
