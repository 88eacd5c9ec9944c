/// gRPC status codes that the server sends.
enum StatusCode: Int32 {
  case ok = 0
  case invalidArgument = 3
  case resourceExhausted = 8
  case unimplemented = 12
}
