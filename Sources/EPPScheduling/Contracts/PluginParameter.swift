import EPPCore

/// The declaration of a plugin's parameter: its key, its possible values, and its purpose.
package struct PluginParameter: Sendable {
  /// The possible values of a parameter. Ranges are inclusive.
  package indirect enum Kind: Sendable {
    case boolean
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    /// A text; an empty one counts as not given.
    case text
    /// One of these words.
    case word([String])
    /// A list of texts that are not empty.
    case texts
    /// Texts by name.
    case textMap
    /// Lists of texts by name.
    case textListMap
    /// The name of an HTTP header; read in lower case.
    case headerName
    /// A list of names of HTTP headers; read in lower case.
    case headerNames
    /// A Go duration such as `200ms`.
    case duration
    /// The name of a plugin with this role; an empty text counts as not given.
    case reference(PluginRole)
    /// A list of names of plugins with this role.
    case references(PluginRole)
    case object([PluginParameter])
    case list([PluginParameter])
    /// Any value; it has no effect. The text says why, where that is not obvious.
    case ignored(because: String?)
    /// A parameter that changes what llm-d's endpoint picker does, and that is accepted only with the one value that is
    /// supported.
    case fixed(Fixed)

    /// Whether an empty text stands for the default, as Go's zero value does.
    package var takesEmptyTextAsAbsent: Bool {
      switch self {
      case .text, .duration, .reference: true
      default: false
      }
    }
  }

  /// The one accepted value.
  package enum Fixed: Sendable {
    /// Not given, or empty; `instead` says what to use.
    case unset(instead: String?)
    case boolean(Bool)
    case number(Double)
    case duration(Duration)
    /// One of these texts.
    case text([String])
  }

  /// The key in `parameters`.
  package let key: String
  /// The possible values.
  package let kind: Kind
  /// The default value as it is written in a file; nil where there is none.
  package let defaultText: String?
  /// A one-sentence description without a full stop.
  package let summary: String

  package init(_ key: String, _ kind: Kind, default defaultText: String? = nil, _ summary: String) {
    self.key = key
    self.kind = kind
    self.defaultText = defaultText
    self.summary = summary
  }

  /// The possible values in a few words, for `epp plugins`.
  package var domain: String {
    switch kind {
    case .boolean: "true or false"
    case .integer(let range): "\(range.lowerBound) to \(range.upperBound)"
    case .number(let range): "\(range.lowerBound.shortText) to \(range.upperBound.shortText)"
    case .text: "text"
    case .word(let words): words.joined(separator: " or ")
    case .texts: "list of texts"
    case .textMap: "object of texts"
    case .textListMap: "object of lists of texts"
    case .headerName: "name of a header"
    case .headerNames: "list of names of headers"
    case .duration: "duration"
    case .reference(let role): "name of \(role.withArticle)"
    case .references(let role): "list of names, each of \(role.withArticle)"
    case .object(let members): "object of \(members.map(\.key).joined(separator: ", "))"
    case .list(let members): "list of objects of \(members.map(\.key).joined(separator: ", "))"
    case .ignored: "anything (no effect)"
    case .fixed(.unset): "not supported"
    case .fixed(.boolean(let value)): "\(value) only"
    case .fixed(.number(let value)): "\(value.shortText) only"
    case .fixed(.duration(let value)): "\(value.wholeMilliseconds)ms only"
    case .fixed(.text(let values)): "\(values.joined(separator: " or ")) only"
    }
  }
}
