extension RunOption {
    /// How text is generated.
    static let generating: [RunOption] = [
        RunOption(
            "do_sample", .flag, true, .effective,
            "Draws tokens at random; false takes the likeliest."),
        RunOption(
            "temperature", .number(.atLeast(0)), 0.95, .effective,
            "Flattens (above 1) or sharpens the distribution; 0 takes the likeliest token."),
        RunOption(
            "top_p", .number(.above(0)), 0.7, .effective,
            "Draws from the likeliest tokens of this total probability."),
        RunOption(
            "top_k", .integer(atLeast: 0), 50, .effective,
            "Draws from this many likeliest tokens; 0 from all."),
        RunOption(
            "num_beams", .integer(atLeast: 1), 1, .refused,
            "Beam search."),
        RunOption(
            "max_length", .integer(atLeast: 0), 1024, .effective,
            "Most tokens of prompt and answer, when max_new_tokens is 0."),
        RunOption(
            "max_new_tokens", .integer(atLeast: 0), 1024, .effective,
            "Most tokens of an answer."),
        RunOption(
            "repetition_penalty", .number(.above(0)), 1.0, .effective,
            "Makes tokens that were there less likely (above 1)."),
        RunOption(
            "length_penalty", .number(), 1.0, .neutral, matters: .without("num_beams", "1"),
            "Power of the length that scores of beams are divided by."),
        RunOption(
            "skip_special_tokens", .flag, true, .effective,
            "Leaves control tokens out of answers."),
    ]
}
