/// What is wrong with a member of the body, as far as it is JSON.
enum PromptFault: Error, Equatable {
  case empty
  case notMessages
  case notText
  case notInput
  case mixedInput
  case badTokenID

  /// To be read after the member's name.
  var problem: String {
    switch self {
    case .empty: "is empty"
    case .notMessages: "has to be a list of objects"
    case .notText: "has to be a string"
    case .notInput: "has to be a string, a list of strings, a list of token ids or a list of such lists"
    case .mixedInput: "mixes strings, token ids and lists"
    case .badTokenID: "holds a token id that is not a whole number from 0 to 4294967295"
    }
  }
}
