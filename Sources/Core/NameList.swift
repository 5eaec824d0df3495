extension Collection where Element == String {
    /// The names for a message, with commas between them: the first ten, and how many more there are.
    ///
    /// A file can have any number of keys or columns, and nobody reads more than a few of them.
    package var listed: String {
        let most = 10
        let shown = prefix(most).map { name in
            name.utf8.count > 80
                ? String(decoding: name.utf8.prefix(76), as: UTF8.self) + "…" : name
        }.joined(separator: ", ")
        return count > most ? "\(shown) and \(count - most) more" : shown
    }
}
