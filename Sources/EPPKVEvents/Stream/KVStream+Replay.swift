import EPPCore
import EPPMetrics
import ZeroMQ

/// Fetching what was missed.
extension KVStream {
  /// Asks for all messages from a number on, as soon as it is the stream's turn. What still comes of an earlier replay is
  /// not read any more.
  func beginReplay(from number: UInt64) {
    endReplay()
    // A replay socket that does not answer keeps no message waiting for long: what is missing is lost then.
    guard replayPause.isShort(context.now()) else { return handle(.replayEnded(.brokenOff)) }
    wantsReplay = number
    replayAttempts = 0
    enqueueReplay(context.now())
  }

  /// Waits for a turn, or for the end of the pause first: then it is for the next tick.
  private func enqueueReplay(_ now: MonotonicTime) {
    guard wantsReplay != nil, !isQueued, !hasTurn, replayPause.isOver(now) else { return }
    isQueued = true
    context.turns.enqueue(id, isUrgent: !machine.isChecking)
  }

  /// It is the stream's turn to ask.
  func takeTurn() {
    isQueued = false
    hasTurn = true
    askForReplay()
  }

  /// Gives the turn to others, and the socket back.
  func endReplay() {
    closeReplay()
    if isQueued { context.turns.remove(id) }
    isQueued = false
    giveTurnBack()
    wantsReplay = nil
  }

  private func closeReplay() {
    guard let replay else { return }
    context.poller.remove(replay.socket)
    catchUp.spent += context.now().duration(since: replay.startedAt)
    self.replay = nil
  }

  private func giveTurnBack() {
    if hasTurn { context.turns.end() }
    hasTurn = false
  }

  private func askForReplay() {
    guard let number = wantsReplay, let address = address.replay else { return endReplay() }
    guard catchUp.asks < context.configuration.maximumReplayAsks else {
      return giveUpReplay("it has been asked \(catchUp.asks) times in a row and leaves something out each time")
    }
    catchUp.asks += 1
    replayAttempts += 1
    let now = context.now()
    do throws(ZeroMQError) {
      let socket = try Socket(.dealer, context.library)
      socket.maximumFrameBytes = context.configuration.maximumFrameBytes
      // What the publisher's socket has no room for it drops: that is asked for again.
      socket.receiveHighWaterMark = context.configuration.maximumReplayReadAhead
      socket.setReconnectInterval(.milliseconds(100), atMost: .seconds(1))
      socket.allowsIPv6 = needsIPv6(address)
      try socket.connect(address)
      try context.poller.add(socket, tag: SocketTag(id, .replay).number)
      replay = ReplayRequest(socket: socket, startedAt: now)
      _ = socket.send([[], KVFrames.bytes(of: number)])
      context.ready.insert(SocketTag(id, .replay).number)
    } catch {
      warn(.replayNotAsked, "the engine's replay cannot be asked for: \(error)")
      finishReplay(.brokenOff)
    }
  }

  /// Takes up to so many messages of the replay.
  ///
  /// - Returns: whether there may be more.
  func receiveReplay(_ limit: Int) -> Bool {
    for _ in 0..<limit {
      guard let socket = replay?.socket else { return false }
      guard socket.receive(into: &context.message) else {
        replay?.silence.noteEmpty(context.now())
        return false
      }
      receivedReplay()
    }
    return replay != nil
  }

  private func receivedReplay() {
    let count = context.message.frameCount
    let answer = KVFrames.replayed(count: count) { context.message.withFrame($0, KVFrames.number) }
    let now = context.now()
    replay?.silence.noteHeard(now)
    replay?.messages += 1
    catchUp.messages += 1
    switch answer {
    case .end:
      context.series.completeReplays.increment()
      // An engine that has published nothing yet has an empty cache: that is known, too.
      rely()
      return finishReplay(.complete)
    case .unreadable:
      context.series.unreadable.increment()
      warn(
        .replayUnreadable,
        "the engine's replay socket answers with \(count) frames: that is none of vLLM's or SGLang's answers")
    case .message(let number, let frame):
      lastMessageAt = now
      context.message.withFrame(frame) { payload in
        catchUp.bytes += payload.byteCount
        let before = messages
        handle(.replayed(KVMessageID(number: number, payload: payload)), payload)
        if messages > before { replay?.applied += 1 }
      }
    }
    guard replay != nil else { return }
    if catchUp.messages > context.configuration.maximumReplayMessages
      || catchUp.bytes > context.configuration.maximumReplayBytes
    {
      giveUpReplay("it has brought \(catchUp.messages) messages and \(catchUp.bytes) bytes and does not end")
    }
  }

  private func giveUpReplay(_ reason: String) {
    context.series.excessiveReplays.increment()
    warn(.replayGivenUp, "the engine's replay was given up: \(reason)")
    finishReplay(.excessive)
  }

  private func finishReplay(_ end: KVStreamStateMachine.ReplayEnd) {
    let hasBrought = replay.map { $0.applied > 0 } ?? false
    endReplay()
    switch end {
    case .complete: replayPause.reset()
    case .brokenOff: if !hasBrought { replayPause.noteFailure(context.now()) }
    case .excessive: replayPause.noteFailure(context.now())
    }
    let lost = machine.lostMessages
    handle(.replayEnded(end))
    // It does not have what is missing: no reason to ask it with every message that leaves a gap.
    if end == .complete, machine.lostMessages > lost { replayPause.noteFailure(context.now()) }
    // What was to be looked for is still not known, whatever the replay was for.
    if end == .brokenOff, isConnected, !machine.isFetching { look.noteUnanswered(replayPause) }
  }

  /// Does what is due.
  func tickReplay(_ now: MonotonicTime) {
    lookIntoReplay(now)
    if let replay {
      let spent = catchUp.spent + now.duration(since: replay.startedAt)
      if spent >= context.configuration.replayTimeout, catchUp.messages > 0 {
        giveUpReplay("it has taken longer than \(context.configuration.replayTimeout)")
      } else if replay.silence.isLonger(than: context.configuration.replayIdleTimeout) {
        noteUnanswered(replay)
      } else if context.turns.isOver(replay.startedAt, now) {
        // It is asked for again from there, as long as it brings something.
        if replay.applied > 0 { finishReplay(.brokenOff) } else { noteUnanswered(replay) }
      }
    }
    enqueueReplay(now)
    tickCheck(now)
  }

  /// Takes what is there of a replay that seems to be silent, for this thread may have been away.
  private func lookIntoReplay(_ now: MonotonicTime) {
    guard let replay, replay.silence.mayBe(longerThan: context.configuration.replayIdleTimeout, now) else { return }
    let isThereMore = receiveReplay(Self.messagesPerLook)
    if isThereMore { context.ready.insert(SocketTag(id, .replay).number) }
  }

  private static let messagesPerLook = 64

  /// Nothing has come of a replay for a while.
  private func noteUnanswered(_ replay: ReplayRequest) {
    // An engine that has something to bring may be slow; a mere look is worth one question.
    let attempts = machine.isChecking ? 1 : context.configuration.replayAttempts
    if replay.messages == 0, replayAttempts < attempts {
      // Behind all others that wait.
      closeReplay()
      giveTurnBack()
      return enqueueReplay(context.now())
    }
    context.series.brokenReplays.increment()
    // The end of a long replay may not have had room in the engine's socket: it is asked for.
    if replay.applied == 0 {
      warn(
        .replayUnanswered,
        "the engine's replay does not answer at \(address.replay ?? "") or breaks off: check --kv-replay-port and "
          + "replay_endpoint of the engine's --kv-events-config")
    }
    if address.events == nil, address.hasName { triesIPv6.toggle() }
    finishReplay(.brokenOff)
  }

  /// Looks whether there was more, when nothing has come for a while or it is not known whose messages they are.
  private func tickCheck(_ now: MonotonicTime) {
    guard !machine.isFetching else { return }
    if look.take(now, isDoubtful: isConnected && machine.isDoubtful, replayPause) { handle(.quiet) }
  }
}
