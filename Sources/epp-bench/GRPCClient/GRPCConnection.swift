import NIOCore
import NIOHPACK

/// A gRPC client for load, over one plain-text HTTP/2 connection with prior knowledge. It reads and writes frames in
/// `ByteBuffer`s without further handlers, so that an exchange takes the client a few tens of microseconds, and the server
/// limits the load. Use it on its channel's event loop only.
final class GRPCConnection: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer
  typealias OutboundOut = ByteBuffer

  /// RST_STREAM code CANCEL (RFC 9113 section 7).
  private static let cancel: UInt32 = 8

  private weak var owner: (any GRPCStreamOwner)?
  private var context: ChannelHandlerContext?
  private var settings = HTTP2Settings()
  private var streams: [Int32: GRPCStream] = [:]
  private var nextStreamID: Int32 = 1
  private var leftover = ByteBuffer()
  private var outbound = ByteBuffer()
  private var sendWindow = 65_535
  private var waitingForWindow: [GRPCStream] = []
  private var unacknowledgedBytes = 0
  private var decoder = HPACKDecoder(allocator: ByteBufferAllocator())
  private var requestHeaders: RequestHeaderBlock
  private var headerBlock = ByteBuffer()
  private var headerBlockEndsStream = false
  /// Whether the server has sent GOAWAY.
  private(set) var isDraining = false
  /// Why the connection ended: the server's GOAWAY or an error of the socket.
  private(set) var closeReason = "no reason was given"

  /// Makes the client of a connection.
  ///
  /// - Parameters:
  ///   - path: `/package.Service/Method` of every call on this connection.
  ///   - authority: The `:authority` of every call.
  init(path: String, authority: String, owner: any GRPCStreamOwner) {
    self.owner = owner
    requestHeaders = RequestHeaderBlock(path: path, authority: authority)
    // Here and not when the channel becomes active: calls may be opened before that event arrives.
    HTTP2Settings.writePreface(to: &outbound)
  }

  /// Whether another stream can be opened now.
  var canOpen: Bool { context != nil && !isDraining && streams.count < settings.maximumConcurrentStreams }

  /// Starts a call; nothing reaches the socket before `flush`.
  func open(slot: Int) -> GRPCStream {
    let stream = GRPCStream(id: nextStreamID, slot: slot, sendWindow: settings.initialWindowSize)
    nextStreamID += 2
    streams[stream.id] = stream
    let block = requestHeaders.next()
    outbound.writeFrameHeader(.headers, flags: .endHeaders, streamID: stream.id, length: block.readableBytes)
    outbound.writeImmutableBuffer(block)
    return stream
  }

  /// Queues gRPC frames, with their prefixes, on a stream.
  func send(_ frames: ByteBuffer, on stream: GRPCStream) {
    if stream.outbound.readableBytes == 0 {
      stream.outbound = frames
    } else {
      stream.outbound.writeImmutableBuffer(frames)
    }
    pump(stream)
  }

  /// Half-closes a stream after its queued frames.
  func close(_ stream: GRPCStream) {
    stream.closesWhenSent = true
    pump(stream)
  }

  /// Resets a stream, which then ends without further events.
  func reset(_ stream: GRPCStream) {
    guard streams.removeValue(forKey: stream.id) != nil else { return }
    outbound.writeResetStream(streamID: stream.id, code: Self.cancel)
  }

  /// Gives all written bytes to the socket. The owner calls it outside of `GRPCStreamOwner` callbacks.
  func flush() {
    guard let context, outbound.readableBytes > 0 else { return }
    let bytes = outbound
    outbound = context.channel.allocator.buffer(capacity: 16_384)
    context.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
  }

  /// Closes the connection; open streams end with `connectionLost`.
  func close() { context?.close(promise: nil) }

  // MARK: Channel events

  func handlerAdded(context: ChannelHandlerContext) { self.context = context }

  func channelActive(context: ChannelHandlerContext) { flush() }

  func channelInactive(context: ChannelHandlerContext) {
    self.context = nil
    let open = streams
    streams = [:]
    for stream in open.values { owner?.ended(stream, with: .connectionLost, on: self) }
    owner?.closed(self)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    closeReason = "\(error)"
    context.close(promise: nil)
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    var input = unwrapInboundIn(data)
    if leftover.readableBytes > 0 {
      var joined = leftover
      leftover = ByteBuffer()
      joined.discardReadBytes()
      joined.writeBuffer(&input)
      input = joined
    }
    while let header = HTTP2FrameHeader(peekingAt: input),
      input.readableBytes >= HTTP2FrameHeader.byteCount + header.length
    {
      input.moveReaderIndex(forwardBy: HTTP2FrameHeader.byteCount)
      guard let payload = input.readSlice(length: header.length) else { break }
      received(header, payload)
    }
    if input.readableBytes > 0 { leftover = input }
  }

  func channelReadComplete(context: ChannelHandlerContext) { flush() }

  // MARK: Frames

  private func received(_ header: HTTP2FrameHeader, _ payload: ByteBuffer) {
    switch header.kind {
    case .data: receivedData(header, payload)
    case .headers: receivedHeaders(header, payload)
    case .continuation:
      headerBlock.writeImmutableBuffer(payload)
      if header.flags.contains(.endHeaders) { finishHeaders(streamID: header.streamID) }
    case .resetStream:
      guard let stream = streams.removeValue(forKey: header.streamID) else { return }
      let code = payload.getInteger(at: payload.readerIndex, as: UInt32.self) ?? 0
      owner?.ended(stream, with: .reset(code), on: self)
    case .settings: receivedSettings(header, payload)
    case .ping where !header.flags.contains(.acknowledgement):
      outbound.writeFrameHeader(.ping, flags: .acknowledgement, length: payload.readableBytes)
      outbound.writeImmutableBuffer(payload)
    case .goAway:
      isDraining = true
      let code = payload.getInteger(at: payload.readerIndex + 4, as: UInt32.self) ?? 0
      let text = payload.getString(at: payload.readerIndex + 8, length: max(0, payload.readableBytes - 8)) ?? ""
      closeReason = "GOAWAY with code \(code) \(text)"
    case .windowUpdate: receivedWindowUpdate(header, payload)
    case .ping, .priority, .pushPromise, nil: break
    }
  }

  private func receivedSettings(_ header: HTTP2FrameHeader, _ payload: ByteBuffer) {
    guard !header.flags.contains(.acknowledgement) else { return }
    let before = settings.initialWindowSize
    settings.apply(payload)
    outbound.writeFrameHeader(.settings, flags: .acknowledgement, length: 0)
    // Section 6.9.2: a new initial window moves the windows of the open streams by the difference.
    let difference = settings.initialWindowSize - before
    guard difference != 0 else { return }
    for stream in streams.values {
      stream.sendWindow += difference
      if stream.outbound.readableBytes > 0 { pump(stream) }
    }
  }

  private func receivedWindowUpdate(_ header: HTTP2FrameHeader, _ payload: ByteBuffer) {
    let increment = Int((payload.getInteger(at: payload.readerIndex, as: UInt32.self) ?? 0) & 0x7FFF_FFFF)
    if header.streamID == 0 {
      sendWindow += increment
      let waiting = waitingForWindow
      waitingForWindow.removeAll(keepingCapacity: true)
      for stream in waiting {
        stream.isWaitingForConnectionWindow = false
        if streams[stream.id] != nil { pump(stream) }
      }
    } else if let stream = streams[header.streamID] {
      stream.sendWindow += increment
      if stream.outbound.readableBytes > 0 { pump(stream) }
    }
  }

  private func receivedHeaders(_ header: HTTP2FrameHeader, _ payload: ByteBuffer) {
    var payload = payload
    if header.flags.contains(.padded) { payload.removePadding() }
    if header.flags.contains(.priority) { payload.moveReaderIndex(forwardBy: min(5, payload.readableBytes)) }
    headerBlock = payload
    headerBlockEndsStream = header.flags.contains(.endStream)
    if header.flags.contains(.endHeaders) { finishHeaders(streamID: header.streamID) }
  }

  private func finishHeaders(streamID: Int32) {
    // Every block is decoded, also of streams that are gone: it may change the table for the next ones.
    guard let headers = try? decoder.decodeHeaders(from: &headerBlock) else {
      closeReason = "the server's headers could not be decoded"
      context?.close(promise: nil)
      return
    }
    guard headerBlockEndsStream, let stream = streams[streamID] else { return }
    let status = headers.first(name: "grpc-status").flatMap { Int($0) } ?? 2
    finish(stream, with: .status(status))
  }

  private func receivedData(_ header: HTTP2FrameHeader, _ payload: ByteBuffer) {
    unacknowledgedBytes += payload.readableBytes
    if unacknowledgedBytes > HTTP2Settings.receiveWindow / 2 {
      outbound.writeWindowUpdate(streamID: 0, increment: unacknowledgedBytes)
      unacknowledgedBytes = 0
    }
    guard let stream = streams[header.streamID] else { return }
    var data = payload
    if header.flags.contains(.padded) { data.removePadding() }
    deliver(data, to: stream)
    // gRPC ends a call with trailers; END_STREAM on DATA leaves it without a status.
    if header.flags.contains(.endStream), streams[stream.id] != nil { finish(stream, with: .status(2)) }
  }

  private func deliver(_ data: ByteBuffer, to stream: GRPCStream) {
    var input = data
    if stream.partialMessage.readableBytes > 0 {
      var joined = stream.partialMessage
      stream.partialMessage = ByteBuffer()
      joined.writeBuffer(&input)
      input = joined
    }
    var needed = 0
    while let length = input.getInteger(at: input.readerIndex + 1, as: UInt32.self) {
      needed = 5 + Int(length)
      guard input.readableBytes >= needed else { break }
      input.moveReaderIndex(forwardBy: 5)
      guard let message = input.readSlice(length: Int(length)) else { break }
      owner?.received(message, on: stream, of: self)
      guard streams[stream.id] != nil else { return }
    }
    guard input.readableBytes > 0 else { return }
    // A copy at the final size: a slice would keep the socket's read buffer from being used again.
    var partial = input
    if partial.writableBytes + partial.readableBytes < needed || input.readerIndex > 0 {
      partial = ByteBufferAllocator().buffer(capacity: max(needed, input.readableBytes))
      partial.writeImmutableBuffer(input)
    }
    stream.partialMessage = partial
  }

  private func finish(_ stream: GRPCStream, with end: GRPCStream.End) {
    streams[stream.id] = nil
    // The server ended the call first: what is unsent has no reader, and Envoy resets its half as well.
    if !stream.isHalfClosed { outbound.writeResetStream(streamID: stream.id, code: Self.cancel) }
    owner?.ended(stream, with: end, on: self)
  }

  // MARK: Sending

  private func pump(_ stream: GRPCStream) {
    let hadData = stream.outbound.readableBytes > 0
    while stream.outbound.readableBytes > 0 {
      let unsent = stream.outbound.readableBytes
      let length = min(unsent, stream.sendWindow, sendWindow, settings.maximumFrameSize)
      guard length > 0 else {
        if sendWindow <= 0, !stream.isWaitingForConnectionWindow {
          stream.isWaitingForConnectionWindow = true
          waitingForWindow.append(stream)
        }
        return
      }
      let isLast = length == unsent && stream.closesWhenSent
      outbound.writeFrameHeader(.data, flags: isLast ? .endStream : [], streamID: stream.id, length: length)
      guard let slice = stream.outbound.readSlice(length: length) else { return }
      outbound.writeImmutableBuffer(slice)
      stream.sendWindow -= length
      sendWindow -= length
      if isLast { stream.isHalfClosed = true }
    }
    if hadData { stream.outbound = ByteBuffer() }
    if stream.closesWhenSent, !stream.isHalfClosed {
      stream.isHalfClosed = true
      outbound.writeFrameHeader(.data, flags: .endStream, streamID: stream.id, length: 0)
    }
    if hadData { owner?.sentAll(on: stream, of: self) }
  }
}

extension ByteBuffer {
  /// Removes the padding of a PADDED frame (RFC 9113 section 6.1).
  fileprivate mutating func removePadding() {
    guard let count = readInteger(as: UInt8.self), let slice = readSlice(length: max(0, readableBytes - Int(count)))
    else { return }
    self = slice
  }
}
