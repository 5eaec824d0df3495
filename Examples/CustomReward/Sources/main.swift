import Fledge
import Foundation

/// Words that somebody who is glad uses, and such of somebody who is not.
let glad = Set(
    """
    admirable adorable amazed amazing amused attractive authentic awesome beautiful beautifully
    best better blessed bliss bright brilliant calm captivating charming cheer cheerful classic
    clean clear comfortable compelling cozy creative delicious delight delighted delightful
    dream eager easy elegant enchanting energetic engaging enjoy enjoyable enjoyed enjoying
    entertaining excellent exceptional excited exciting exquisite extraordinary fabulous
    fantastic fascinating favorite fine flawless fond fresh fresher friendly fun funny generous
    gentle glad gorgeous grateful great happily happiness happy helpful hope impressed
    impressive incredible inspired inspiring interesting inviting joy joyful kind kindness laugh
    laughed laughing laughter like liked love loved lovely loving magical magnificent marvelous
    memorable moved nice outstanding peace peaceful perfect perfectly pleasant pleased pleasure
    polite positive pretty proud quality recommend refreshing relaxed relaxing relief remarkable
    rich satisfied satisfying smile smiled smiling smooth spectacular splendid stunning success
    successful sunny superb surprised sweet talented tasty terrific thank thankful thrilled
    thrilling top touching treat unforgettable uplifting vibrant warm warmth welcome welcoming
    well wise witty wonderful wonderfully worth wow
    """.split(whereSeparator: \.isWhitespace))
let sad = Set(
    """
    abysmal afraid alone angry annoyed annoying anxious ashamed awful awkward bad badly bitter
    bland bored boring broken cheap cold complain complaint confused confusing cramped cried
    crowded cruel cry crying damaged dangerous dark dead death depressed depressing difficult
    dirty disappointed disappointing disappointment disaster disgusting dull empty fail failed
    failure fear frightened frustrated frustrating gloomy greasy grief grim guilty hard hate
    hated heavy horrible horrified hostile hurt ill inadequate irritated jealous lack lacked
    lacking lonely lost mad mediocre mess messy miserable missed mistake nasty negative nervous
    never noisy overwhelmed overwhelming pain painful poor poorly problem regret rude sad sadly
    sadness scared scary shocked sick sloppy slow sorry stale strange stress stressful struggle
    stuck stupid tasteless tense terrible terrified tired tiring tough tragic trouble ugly
    uncomfortable unfortunately unhappy unpleasant upset waste weak weird worried worse worst
    wrong
    """.split(whereSeparator: \.isWhitespace))

/// From -1 to 1: how many more glad words than sad ones there are. Two of them are worth 0.76, so that the
/// first ones count most.
func mood(_ answer: JudgedAnswer) -> Double {
    let words = answer.answer.lowercased().split { !$0.isLetter }
    let points = words.reduce(0) { $0 + (glad.contains($1) ? 1 : 0) - (sad.contains($1) ? 1 : 0) }
    return tanh(Double(points) / 2)
}

// Usage: CustomReward Examples/ppo.yaml [KEY=VALUE …]
let configuration = try RunConfiguration(
    path: CommandLine.arguments[1], overrides: Array(CommandLine.arguments.dropFirst(2)),
    methods: [ProximalPolicyOptimization(reward: mood)])
try TrainingRecipe(configuration, callbacks: [ProgressPrinter()]) { print($0) }.run()
