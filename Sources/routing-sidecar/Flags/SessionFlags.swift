import ArgumentParser
import EPPConfiguration
import EPPCore
import EPPScheduling

/// Flags of the session token that answers carry.
struct SessionFlags: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Answers carry a session token that names this pod, signed with the first key of the file: the keyFile of the picker's plugins of "
        + "session affinity. A client that sends it back is routed here again.", valueName: "file"))
  var sessionKeyFile: String?
  @Option(help: ArgumentHelp("The header of the token.", valueName: "name"))
  var sessionHeader = HeaderName.sessionToken
  @Option(help: ArgumentHelp("A cookie instead of the header.", valueName: "name"))
  var sessionCookie: String?
  @Option(help: ArgumentHelp("How long a token counts.", valueName: "duration"))
  var sessionTTL = "2h"
  @Option(
    help: ArgumentHelp(
      "The pod's address as the picker knows it; else that of the variable POD_IP with --port.",
      valueName: "address:port"))
  var sessionAddress: String?

  /// Checks the flags, and returns their settings; nil when answers carry no token.
  func checked(_ check: inout FlagCheck, port: UInt16, environment: [String: String]) -> SessionSettings? {
    guard let file = sessionKeyFile.given else {
      if sessionAddress.given != nil || sessionCookie.given != nil {
        check.problem("--session-address and --session-cookie need --session-key-file")
      }
      return nil
    }
    if let cookie = sessionCookie.given, !ResponseCookie.isName(cookie) {
      check.problem("--session-cookie: '\(cookie)' is no name of a cookie")
    }
    let timeToLive = check.duration(sessionTTL, "--session-ttl")
    let text =
      sessionAddress.given ?? environment["POD_IP"].given.map { EndpointAddress(host: $0, port: port).description }
    guard let text, let address = EndpointAddress(text) else {
      check.problem(
        "--session-key-file needs the pod's address: set the variable POD_IP from the pod's status, or give --session-address IP:PORT"
      )
      return nil
    }
    return SessionSettings(
      keyFile: file, header: sessionHeader.lowercased(), cookie: sessionCookie.given, timeToLive: timeToLive,
      destination: address.description)
  }
}

/// The settings of `SessionFlags`.
struct SessionSettings: Equatable {
  var keyFile: String
  var header: String
  /// The cookie that takes the header's place; nil for the header.
  var cookie: String?
  var timeToLive: Duration
  /// The pod's address with the port, as the picker writes it.
  var destination: String
}
