import EPPCore
import EPPGRPCServer
import EPPProcess
import Synchronization

/// Prints one line with all ports when they are open. With port 0 it is the only place that shows them. Any thread may use it.
final class PortAnnouncement: Sendable {
  private struct State {
    var metricsPort: Int?
    /// The admin address, nil inside for none; nil until it is known.
    var admin: String??
    var isPickerListening = false
    var isPrinted = false
  }

  private let picker: PickerServer
  private let address: String
  private let state = Mutex(State())
  private let metricsOpened = OneShotEvent()

  init(picker: PickerServer, address: String) {
    self.picker = picker
    self.address = address.contains(":") ? "[\(address)]" : address
  }

  /// Records that the metrics server listens on a port.
  func metricsListening(_ port: Int) {
    update { $0.metricsPort = port }
    metricsOpened.signal()
  }

  /// Suspends until the metrics server listens or the task is cancelled.
  func waitForMetrics() async { await metricsOpened.wait() }

  /// Records the address on which the admin server listens; nil for none.
  func adminSettled(_ address: String?) { update { $0.admin = .some(address) } }

  /// Records that the gRPC ports are open.
  func pickerListening() { update { $0.isPickerListening = true } }

  private func update(_ change: (inout State) -> Void) {
    let line: String? = state.withLock { state in
      change(&state)
      guard let port = state.metricsPort, let admin = state.admin, state.isPickerListening, !state.isPrinted else {
        return nil
      }
      state.isPrinted = true
      return "epp: serving ext_proc on \(address):\(picker.port), health on \(address):\(picker.healthPort), "
        + "metrics on \(address):\(port)\(admin.map { ", admin on \($0)" } ?? "")\n"
    }
    if let line { StandardError.write(line) }
  }
}
