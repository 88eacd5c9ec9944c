import ArgumentParser
import EPPCore

/// Flags of the admin server, which `epp serve` starts and other subcommands ask.
package struct AdminFlags: ParsableArguments {
  /// The address where none is given.
  package static let defaultAddress = "127.0.0.1:9091"

  @Option(
    help: ArgumentHelp(
      """
      Address of the documents below /debug and of what changes a running process; port 0: a free one; empty: none \
      (default: \(defaultAddress)).
      """, valueName: "ip:port"))
  var adminAddress: String?
  @Option(
    help: ArgumentHelp(
      """
      File with the secret that changes want, made at the start, removed at the end. Default: epp-admin-PORT.token in \
      $XDG_RUNTIME_DIR, else in the folder for temporary files.
      """, valueName: "file"))
  var adminTokenFile: String?

  package init() {}

  /// Checks the flags, and returns their settings.
  ///
  /// - Parameter ports: The other ports of the process, with the names of their flags.
  func checked(_ check: inout FlagCheck, ports: [(flag: String, port: Int)]) -> AdminSettings {
    var settings = AdminSettings(address: nil, tokenFile: adminTokenFile.given)
    if adminAddress?.isEmpty == true {
      if settings.tokenFile != nil {
        check.warnings.append("--admin-token-file has no effect: an empty --admin-address is no admin server")
      }
      return settings
    }
    let text = adminAddress ?? Self.defaultAddress
    do throws(ConfigurationProblem) { settings.address = try Self.address(text, isGiven: adminAddress != nil) } catch {
      check.problem(error.message)
      return settings
    }
    if let address = settings.address, let other = ports.first(where: { $0.port == address.port && address.port != 0 })
    {
      if address.isGiven {
        check.problem("--admin-address and \(other.flag) are both \(address.port): each needs a port of its own")
      } else {
        settings.address = nil
        check.warnings.append(
          "\(other.flag) has the port of the admin server, which is off therefore; --admin-address HOST:PORT gives it another"
        )
      }
    }
    if let address = settings.address, IPAddress(address.host)?.isLoopback == false {
      check.warnings.append(
        "--admin-address \(text): whoever reaches this address can read the documents below /debug; 127.0.0.1 is reached "
          + "from this machine alone, and by 'kubectl port-forward'")
    }
    return settings
  }

  /// Returns the address of a running process that the flags name, and the file of its token; nil for the default file.
  ///
  /// - Throws: `ConfigurationProblem` when the address is none, or names no port.
  package func target() throws(ConfigurationProblem) -> (address: AdminSettings.Address, tokenFile: String?) {
    let text = adminAddress ?? Self.defaultAddress
    let address = try Self.address(text, isGiven: adminAddress != nil)
    guard address.port > 0 else {
      throw ConfigurationProblem("--admin-address: write the port that 'epp serve' printed, not 0")
    }
    return (address, adminTokenFile.given)
  }

  private static func address(_ text: String, isGiven: Bool) throws(ConfigurationProblem) -> AdminSettings.Address {
    guard let (host, port) = AddressText.listening(text) else {
      throw ConfigurationProblem(
        "--admin-address: '\(text)' is not IP:PORT, such as \(defaultAddress) or [::1]:9091 (port 0: a free one)")
    }
    return AdminSettings.Address(host: host, port: port, isGiven: isGiven)
  }
}

/// The settings of the admin server, from `AdminFlags`.
package struct AdminSettings: Sendable, Equatable {
  /// An address to listen on.
  package struct Address: Sendable, Equatable, CustomStringConvertible {
    /// IP literal without brackets.
    package var host: String
    /// The port; 0 binds a free port.
    package var port: Int
    /// Whether the flag was given: the default address may be taken without harm.
    package var isGiven: Bool

    package var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
  }

  /// The address; nil for no admin server.
  package var address: Address?
  /// The file of the token; nil for the default path.
  package var tokenFile: String?
}
