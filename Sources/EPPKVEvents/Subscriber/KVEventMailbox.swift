import EPPCore
import Synchronization
import ZeroMQ

/// What goes between the event thread and the others.
final class KVEventMailbox: Sendable {
  enum Command: Sendable {
    case follow(Endpoint)
    case unfollow(EndpointSlot)
    case resynchronise(EndpointSlot)
    case started(EndpointSlot, Double)
    case unmatched(EndpointSlot)
    case stop
  }

  private struct State {
    var commands: [Command] = []
    var streams: [KVStreamStatus] = []
    var boundAddress: String?
  }

  let waker = Waker()
  private let state = Mutex(State())

  func post(_ command: Command) {
    state.withLock { $0.commands.append(command) }
    waker.wake()
  }

  /// All commands since the last call, in order.
  func takeCommands() -> [Command] {
    state.withLock { state in
      defer { state.commands = [] }
      return state.commands
    }
  }

  var streams: [KVStreamStatus] {
    get { state.withLock { $0.streams } }
    set { state.withLock { $0.streams = newValue } }
  }

  var boundAddress: String? {
    get { state.withLock { $0.boundAddress } }
    set { state.withLock { $0.boundAddress = newValue } }
  }
}
