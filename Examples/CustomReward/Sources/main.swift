import Fledge

/// Words that somebody who is glad uses, and such of somebody who is not.
let glad: Set<Substring> = [
    "beautiful", "best", "bright", "calm", "cheerful", "delicious", "delight", "enjoy", "excited",
    "fun", "glad", "good", "great", "happy", "joy", "joyful", "kind", "laughter", "love", "lovely",
    "nice", "peaceful", "perfect", "pleasant", "smile", "sunny", "warm", "welcome", "wonderful",
]
let sad: Set<Substring> = [
    "afraid", "alone", "angry", "awful", "bad", "bitter", "bored", "broken", "cold", "cry", "dark",
    "dead", "death", "fear", "grief", "hate", "hurt", "lonely", "lost", "pain", "poor", "sad",
    "sick", "sorry", "terrible", "tired", "ugly", "unhappy", "worst",
]

/// Two points for each glad word, of which five count, and as many less for each sad one.
func mood(_ answer: JudgedAnswer) -> Double {
    let words = answer.answer.lowercased().split { !$0.isLetter }
    let points = words.reduce(0) { $0 + (glad.contains($1) ? 1 : 0) - (sad.contains($1) ? 1 : 0) }
    return Double(min(max(points, -5), 5)) / 2.5
}

// Usage: CustomReward Examples/ppo.yaml [KEY=VALUE …]
let configuration = try RunConfiguration(
    path: CommandLine.arguments[1], overrides: Array(CommandLine.arguments.dropFirst(2)),
    methods: [ProximalPolicyOptimization(reward: mood)])
try TrainingRecipe(configuration, callbacks: [ProgressPrinter()]) { print($0) }.run()
