/// The member `ec_transfer_params` of an encode engine's answer: where the encoder's output for each image, sound and video is.
enum EncoderAnswer {
  /// The types of parts of a message that an encoder works on.
  private static let types: Set<String> = ["image_url", "audio_url", "video_url", "input_audio"]
  /// Bytes that the encoder's output for one item takes.
  private static let itemBytes = 1 << 20

  /// Returns the hashes of the items in a chat's messages, each once.
  static func items(in body: JSONNode) -> [String] {
    var hashes: [String] = []
    for message in body["messages"]?.elements ?? [] {
      for part in message["content"]?.elements ?? [] where part["type"]?.text.map(types.contains) == true {
        var digest = Fingerprint()
        for byte in part.printed.utf8 { digest.mix(UInt64(byte)) }
        let hash = String(digest.value, radix: 16)
        if !hashes.contains(hash) { hashes.append(hash) }
      }
    }
    return hashes
  }

  /// Returns the object in JSON, with a member for each item.
  static func json(_ items: [String], host: String, port: Int) -> String {
    let members = items.map { hash in
      #""\#(hash)":{"peer_host":\#(JSONString.quoted(host)),"peer_port":\#(port),"size_bytes":\#(itemBytes),"#
        + #""nixl_agent_metadata_b64":""}"#
    }
    return "{\(members.joined(separator: ","))}"
  }
}
