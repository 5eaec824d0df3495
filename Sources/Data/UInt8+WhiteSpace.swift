extension UInt8 {
    /// Whether it is white space of ASCII: a blank, a tab, or what ends a line or a page.
    var isWhiteSpace: Bool { self == 0x20 || (0x09...0x0D).contains(self) }

    /// Whether it is white space between the values of JSON, which knows fewer kinds.
    var isJSONWhiteSpace: Bool { isWhiteSpace && self != 0x0B && self != 0x0C }
}
