/// Why a publisher of KV events cannot open a socket.
package struct KVEventPublisherError: Error, CustomStringConvertible {
  let endpoint: KVEventEndpoint
  let reason: String

  package var description: String {
    "cannot publish KV events on \(endpoint.text): \(reason). Change the endpoint in --kv-events-config; tcp://127.0.0.1:* "
      + "takes any port that is free."
  }
}
