import EPPCore
import EPPMetrics
import ZeroMQ

/// Fetching what was missed.
extension KVStream {
  /// Asks for all messages from a number on, as soon as it is the stream's turn. What still comes of an earlier replay is
  /// not read any more.
  func beginReplay(from number: UInt64) {
    closeReplay()
    let isWaiting = wantsReplay != nil
    wantsReplay = number
    if hasTurn {
      askForReplay()
    } else if !isWaiting {
      shop.enqueueReplay(id)
    }
  }

  /// It is the stream's turn to ask.
  func takeTurn() {
    hasTurn = true
    askForReplay()
  }

  /// Gives the turn to others, and the socket back.
  func endReplay() {
    closeReplay()
    if hasTurn {
      shop.endReplay()
    } else if wantsReplay != nil {
      shop.removeWaitingReplay(id)
    }
    hasTurn = false
    wantsReplay = nil
  }

  private func closeReplay() {
    if let replay { shop.poller.remove(replay.socket) }
    replay = nil
  }

  private func askForReplay(attempts: Int = 1) {
    guard let number = wantsReplay, let address = address.replay else { return endReplay() }
    closeReplay()
    let now = shop.now()
    do throws(ZeroMQError) {
      let socket = try Socket(.dealer, shop.library)
      socket.maximumFrameBytes = shop.configuration.maximumFrameBytes
      // A publisher's socket drops what is not taken off it at once: all of a replay may be read ahead.
      socket.receiveHighWaterMark = Int32(clamping: shop.configuration.maximumReplayMessages)
      socket.setReconnectInterval(.milliseconds(100), atMost: .seconds(1))
      socket.allowsIPv6 = address.contains("[")
      try socket.connect(address)
      try shop.poller.add(socket, tag: SocketTag(id, .replay).number)
      replay = ReplayRequest(socket: socket, start: number, startedAt: now, heardAt: now, attempts: attempts)
      _ = socket.send([[], KVFrames.bytes(of: number)])
      shop.ready.insert(SocketTag(id, .replay).number)
    } catch {
      warn(.replay, "the engine's replay cannot be asked for: \(error)")
      finishReplay(.brokenOff)
    }
  }

  /// Takes up to so many messages of the replay.
  ///
  /// - Returns: whether there may be more.
  func receiveReplay(_ limit: Int) -> Bool {
    for _ in 0..<limit {
      guard let socket = replay?.socket, socket.receive(into: &shop.message) else { return false }
      receivedReplay()
    }
    return replay != nil
  }

  private func receivedReplay() {
    let count = shop.message.frameCount
    let answer = KVFrames.replayed(count: count) { shop.message.withFrame($0, KVFrames.number) }
    replay?.heardAt = shop.now()
    replay?.messages += 1
    switch answer {
    case .end:
      shop.series.completeReplays.increment()
      // An engine that has published nothing yet has an empty cache: that is known, too.
      setFollowed(true)
      return finishReplay(.complete)
    case .unreadable:
      shop.series.unreadable.increment()
      warn(
        .replay, "the engine's replay socket answers with \(count) frames: that is none of vLLM's or SGLang's answers")
    case .message(let number, let frame):
      lastMessageAt = replay?.heardAt
      shop.message.withFrame(frame) { payload in
        replay?.bytes += payload.byteCount
        handle(.replayed(KVMessageID(number: number, payload: payload)), payload)
      }
    }
    guard let replay else { return }
    if replay.messages > shop.configuration.maximumReplayMessages
      || replay.bytes > shop.configuration.maximumReplayBytes
    {
      giveUpReplay("it has brought \(replay.messages) messages and \(replay.bytes) bytes and does not end")
    }
  }

  private func giveUpReplay(_ reason: String) {
    shop.series.excessiveReplays.increment()
    warn(.replay, "the engine's replay was given up: \(reason)")
    finishReplay(.excessive)
  }

  private func finishReplay(_ end: KVStreamStateMachine.ReplayEnd) {
    endReplay()
    handle(.replayEnded(end))
  }

  /// Does what is due.
  func tickReplay(_ now: MonotonicTime) {
    if let replay {
      if now >= replay.startedAt.advanced(by: shop.configuration.replayTimeout), replay.messages > 0 {
        giveUpReplay("it has taken longer than \(shop.configuration.replayTimeout)")
      } else if now >= replay.heardAt.advanced(by: shop.configuration.replayIdleTimeout) {
        if replay.messages == 0, replay.attempts < shop.configuration.replayAttempts {
          askForReplay(attempts: replay.attempts + 1)
        } else {
          shop.series.brokenReplays.increment()
          warn(
            .replay,
            "the engine's replay does not answer at \(address.replay ?? "") or breaks off: check --kv-replay-port and "
              + "replay_endpoint of the engine's --kv-events-config")
          finishReplay(.brokenOff)
        }
      }
    }
    if let quietAt, now >= quietAt {
      self.quietAt = nil
      handle(.quiet)
    }
  }
}
