package import EPPCore

/// The preferences of a request (header `prefer`, RFC 7240 section 2).
package enum Preferences {
  /// The preference for an endpoint that holds the beginning of the prompt, of llm-d's coordinator: without one the request is not
  /// wanted at all.
  package static let ifAvailable = "if-available"

  /// Whether a request has a preference, whose name is lower case. Values and parameters of preferences do not count.
  package static func contain(_ name: String, _ headers: RequestHeaders) -> Bool {
    // Hardly any request has one.
    guard headers.first(HeaderName.prefer) != nil else { return false }
    return headers.fields.contains { field in
      field.name == HeaderName.prefer
        && field.value.split(separator: ",").contains { preference in
          let end = preference.firstIndex { $0 == ";" || $0 == "=" } ?? preference.endIndex
          return preference[..<end].trimmed.lowercased() == name
        }
    }
  }
}
