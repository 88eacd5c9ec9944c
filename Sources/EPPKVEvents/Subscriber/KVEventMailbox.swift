import EPPCore
import EPPPrefixCache
import Synchronization
import ZeroMQ

/// Commands for the event thread, and what it publishes for the others.
final class KVEventMailbox: Sendable {
  enum Command: Sendable {
    case follow(Endpoint)
    case unfollow(EndpointSlot)
    case resynchronise(EndpointSlot, CacheContradiction)
    case started(EndpointSlot, Double)
    case unmatched(EndpointSlot)
    case prompt([UInt32], EndpointSlot)
    case stop
  }

  private struct State {
    var commands: [Command] = []
    var streams: [KVStreamStatus] = []
    var boundAddress: String?
    /// Prompts among the commands.
    var prompts = 0
  }

  /// Prompts that wait for the event thread; further ones are dropped: later prompts tell the same.
  private static let maximumPrompts = 16

  let waker = Waker()
  private let state = Mutex(State())

  func post(_ command: Command) {
    state.withLock { $0.commands.append(command) }
    waker.wake()
  }

  /// Leaves a prompt, if few wait.
  func post(prompt: [UInt32], to slot: EndpointSlot) {
    let isTaken = state.withLock { state in
      guard state.prompts < Self.maximumPrompts else { return false }
      state.prompts += 1
      state.commands.append(.prompt(prompt, slot))
      return true
    }
    if isTaken { waker.wake() }
  }

  /// All commands since the last call, in order.
  func takeCommands() -> [Command] {
    state.withLock { state in
      defer {
        state.commands = []
        state.prompts = 0
      }
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
