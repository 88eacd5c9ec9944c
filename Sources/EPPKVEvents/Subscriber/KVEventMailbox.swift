import EPPCore
import EPPPrefixCache
import Synchronization
import ZeroMQ

/// Commands to the event thread, and state that it publishes. Any thread may use it.
final class KVEventMailbox: Sendable {
  /// A command to the event thread; see the methods of `KVEventSubscriber`.
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
    /// The number of prompts in `commands`.
    var prompts = 0
  }

  /// The largest number of waiting prompts; further ones are dropped, because later prompts serve as well.
  private static let maximumPrompts = 16

  /// Ends the event thread's wait.
  let waker = Waker()
  private let state = Mutex(State())

  /// Adds a command and wakes the event thread.
  func post(_ command: Command) {
    state.withLock { $0.commands.append(command) }
    waker.wake()
  }

  /// Adds a prompt, if few are waiting.
  func post(prompt: [UInt32], to slot: EndpointSlot) {
    let isTaken = state.withLock { state in
      guard state.prompts < Self.maximumPrompts else { return false }
      state.prompts += 1
      state.commands.append(.prompt(prompt, slot))
      return true
    }
    if isTaken { waker.wake() }
  }

  /// Removes and returns all commands, in order.
  func takeCommands() -> [Command] {
    state.withLock { state in
      defer {
        state.commands = []
        state.prompts = 0
      }
      return state.commands
    }
  }

  /// The states of all streams, published by the event thread.
  var streams: [KVStreamStatus] {
    get { state.withLock { $0.streams } }
    set { state.withLock { $0.streams = newValue } }
  }

  /// The address at which publishers connect, with the actual port; nil for none.
  var boundAddress: String? {
    get { state.withLock { $0.boundAddress } }
    set { state.withLock { $0.boundAddress = newValue } }
  }
}
