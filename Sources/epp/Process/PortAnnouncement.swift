import EPPGRPCServer
import Synchronization

/// Prints one line with all ports when they are open. With port 0 it is the only place that shows them. Any thread may use it.
final class PortAnnouncement: Sendable {
  private struct State {
    var metricsPort: Int?
    var isPickerListening = false
    var isPrinted = false
  }

  private let picker: PickerServer
  private let address: String
  private let state = Mutex(State())

  init(picker: PickerServer, address: String) {
    self.picker = picker
    self.address = address.contains(":") ? "[\(address)]" : address
  }

  /// Records that the metrics server listens on a port.
  func metricsListening(_ port: Int) { update { $0.metricsPort = port } }

  /// Records that the gRPC ports are open.
  func pickerListening() { update { $0.isPickerListening = true } }

  private func update(_ change: (inout State) -> Void) {
    let metricsPort: Int? = state.withLock { state in
      change(&state)
      guard let port = state.metricsPort, state.isPickerListening, !state.isPrinted else { return nil }
      state.isPrinted = true
      return port
    }
    guard let metricsPort else { return }
    StandardError.write(
      "epp: serving ext_proc on \(address):\(picker.port), health on \(address):\(picker.healthPort), "
        + "metrics on \(address):\(metricsPort)\n")
  }
}
