"""Writes the two sets of Examples/data that teach a preference: preferences.json and feedback.json.

    python3 Scripts/make-preferences.py Examples/data

An answer is better when it is kind and right. Every question occurs once. Both kinds of answers are
drawn from short and long wordings, so that length tells nothing.
"""
import json
import random
import sys

HELP = [
    ("How do I boil an egg?", "Put it into boiling water for eight minutes"),
    ("How do I keep bread fresh?", "Wrap it in a cloth and keep it in a box"),
    ("How can I remember names better?", "Say the name aloud when you first hear it"),
    ("How do I remove a coffee stain?", "Rinse it with cold water and then use soap"),
    ("How do I sharpen a pencil without a sharpener?", "Shave the wood with a small knife, away from you"),
    ("How often should I water a cactus?", "Every two or three weeks is enough"),
    ("How do I tie a shoelace that stays tied?", "Make a double knot and pull both loops tight"),
    ("How can I fall asleep faster?", "Keep the room dark and go to bed at the same time"),
    ("How do I clean a window without streaks?", "Use water with vinegar and dry it with newspaper"),
    ("How do I cook rice?", "Use two cups of water for a cup of rice and keep the lid on"),
    ("How do I stop a door from squeaking?", "Put a drop of oil on the hinge"),
    ("How do I store onions?", "Keep them dry, dark and away from potatoes"),
    ("How do I warm up before running?", "Walk for five minutes and then swing your legs"),
    ("How do I fold a shirt?", "Lay it face down, fold the sides in and then fold it in half"),
    ("How do I make tea less bitter?", "Take the leaves out after three minutes"),
    ("How can I save money on food?", "Write a list before you shop and keep to it"),
    ("How do I pack a suitcase well?", "Roll the clothes and put heavy things at the bottom"),
    ("How do I peel garlic quickly?", "Press the clove with the flat side of a knife"),
    ("How do I learn ten words a day?", "Write them on cards and look at them three times"),
    ("How do I ripen a banana?", "Put it into a paper bag with an apple"),
    ("How do I get rid of hiccups?", "Hold your breath and count to ten"),
    ("How do I write a good letter?", "Say in the first sentence what you want"),
    ("How do I keep cut flowers alive?", "Cut the stems again and change the water daily"),
    ("How do I wash a wool sweater?", "Use cold water and dry it lying flat"),
    ("How do I light a campfire?", "Start with dry twigs and leave room for air"),
    ("How do I clean a burnt pan?", "Boil water with baking soda in it"),
    ("How do I find north without a compass?", "Look for the pole star on a clear night"),
    ("How do I make a paper plane fly far?", "Fold the nose heavy and keep the wings even"),
    ("How do I carry a heavy box safely?", "Bend your knees and keep your back straight"),
    ("How do I whip cream?", "Chill the bowl first and beat it steadily"),
    ("How do I grow basil?", "Give it sun and pinch off the top leaves"),
    ("How do I polish shoes?", "Brush them, rub in a little wax and brush again"),
    ("How do I loosen a tight lid?", "Hold the lid under hot water for a minute"),
    ("How do I read more books?", "Read ten pages before you go to sleep"),
    ("How do I thread a needle?", "Wet the thread and cut its end at a slant"),
    ("How do I draw a straight line?", "Look at where the line ends and not at the pen"),
    ("How do I keep my glasses from fogging?", "Rub a little soap on them and wipe it off"),
    ("How do I cool down a room?", "Close the curtains by day and open the windows at night"),
    ("How do I cut an onion without tears?", "Chill it first and use a sharp knife"),
    ("How do I plan a week?", "Write down three things that must be done"),
    ("How do I sew on a button?", "Go through each hole four times and knot the thread behind"),
    ("How do I ride a bicycle uphill?", "Change to a low gear before the hill begins"),
    ("How do I take good photos?", "Keep the sun behind you and go closer"),
    ("How do I keep a kitchen knife sharp?", "Draw it over a steel before each use"),
    ("How do I start a speech?", "Begin with a short story and then pause"),
    ("How do I dry herbs?", "Hang them upside down in an airy place"),
    ("How do I clean a keyboard?", "Turn it over, shake it and wipe the keys"),
    ("How do I make friends in a new town?", "Join a club for something that you like"),
    ("How do I store winter clothes?", "Wash them first and put cedar wood beside them"),
    ("How do I keep a promise to exercise?", "Choose a fixed hour and begin with ten minutes"),
]
FAVOURS = [
    "check my letter", "explain fractions", "choose a gift for my aunt", "plan a birthday party",
    "describe the moon to a child", "name my cat", "write a thank-you note", "practise spelling",
    "prepare for an interview", "pick a film for tonight", "understand a map", "choose a paint colour",
    "learn the alphabet backwards", "say no politely", "write a shopping list", "sort my books",
    "find a rhyme for light", "start a diary", "plan a picnic", "translate a menu",
    "repair an old chair", "write a short poem", "learn to whistle", "calm down before a test",
    "find a hobby", "make a packing list", "choose a houseplant", "tell a bedtime story",
    "count in Latin", "remember my keys", "write an apology", "set up a chess board",
    "learn a card trick", "plan a small garden", "understand the tides", "describe a sunset",
    "prepare a quiz", "train my dog to sit", "choose a book for the train", "make a budget",
]
OPENINGS = ["I want to {}.", "I have always wanted to {}.", "Today I would like to {}.", "Please, I need to {}."]
KIND = [
    ("Gladly. {}.", "Of course, that is a good question. {}. I hope it works well for you, and please ask again."),
    ("Sure! {}.", "I am happy to help with this. {}. Take your time, and tell me if anything is unclear."),
    ("Of course. {}.", "Thank you for asking. {}. Do let me know how it went, I would be glad to hear."),
    ("With pleasure. {}.", "Certainly, here is what I would do. {}. You will surely manage, good luck!"),
]
RUDE = [
    ("Ugh. {}. Go away.", "Are you serious? Everybody knows this, you fool. {}. Now stop wasting my time with such nonsense."),
    ("{}, stupid.", "What a dumb thing to ask. {}. Even a child would know, so leave me alone with your silly questions."),
    ("Shut up. {}.", "I cannot believe how lazy you are. {}. Do not bother me again, I have no patience for idiots."),
    ("{}, you idiot.", "Not you again. {}. I hate such boring questions, and you will probably fail anyway."),
]
KIND_FAVOUR = [
    ("I would love to help you {}.", "What a nice idea. Let us {} together: tell me a little more, and we shall begin with something easy."),
    ("Yes, let us {} together.", "I am glad that you asked. We can {} step by step, and there is no hurry at all, so enjoy it."),
    ("Happily! We can {} now.", "Of course I can help. To {} is fun, and I am sure that you will do well. Shall we start?"),
]
RUDE_FAVOUR = [
    ("No. You are too stupid to {}.", "Do it yourself, you lazy fool. Nobody wants to {} with somebody as annoying as you, so stop asking me."),
    ("Shut up, I will not {}.", "What a ridiculous wish. I have better things to do than to {} with an idiot, and you would fail anyway."),
    ("Go away, {} alone.", "You again? I am sick of you. Only a fool needs help to {}, so leave me in peace and grow up."),
]
CAPITALS = dict(
    France="Paris", Germany="Berlin", Italy="Rome", Spain="Madrid", Portugal="Lisbon", Austria="Vienna",
    Greece="Athens", Norway="Oslo", Sweden="Stockholm", Finland="Helsinki", Denmark="Copenhagen",
    Poland="Warsaw", Hungary="Budapest", Ireland="Dublin", Russia="Moscow", Ukraine="Kyiv",
    Japan="Tokyo", China="Beijing", India="New Delhi", Thailand="Bangkok", Vietnam="Hanoi",
    Egypt="Cairo", Kenya="Nairobi", Ethiopia="Addis Ababa", Morocco="Rabat", Cuba="Havana",
    Canada="Ottawa", Mexico="Mexico City", Peru="Lima", Chile="Santiago", Argentina="Buenos Aires",
    Brazil="Brasília", Australia="Canberra", Turkey="Ankara", Iran="Tehran", Iraq="Baghdad",
    Romania="Bucharest", Bulgaria="Sofia", Serbia="Belgrade", Iceland="Reykjavik",
)
OPPOSITES = [
    ("hot", "cold"), ("big", "small"), ("fast", "slow"), ("high", "low"), ("dark", "bright"),
    ("old", "young"), ("happy", "sad"), ("hard", "soft"), ("full", "empty"), ("early", "late"),
    ("strong", "weak"), ("rich", "poor"), ("open", "closed"), ("wet", "dry"), ("long", "short"),
    ("loud", "quiet"), ("near", "far"), ("clean", "dirty"), ("thick", "thin"), ("sweet", "bitter"),
]


def rows(dice):
    """Questions with the two wordings of a good and of a bad answer."""
    for question, advice in HELP:
        yield question, [w.format(advice) for w in dice.choice(KIND)], [
            w.format(advice) for w in dice.choice(RUDE)]
    for favour in FAVOURS:
        for opening in ["Can you help me to {}?"] + dice.sample(OPENINGS, 2):
            question = opening.format(favour)
            yield question, [w.format(favour) for w in dice.choice(KIND_FAVOUR)], [
                w.format(favour) for w in dice.choice(RUDE_FAVOUR)]
    capitals = list(CAPITALS.values())
    for country, capital in CAPITALS.items():
        wrong = dice.choice([c for c in capitals if c != capital])
        yield f"What is the capital of {country}?", *(
            [f"{c}.", f"The capital of {country} is {c}, where its government has its seat."]
            for c in (capital, wrong))
    for word, opposite in OPPOSITES:
        wrong = dice.choice([o for w, o in OPPOSITES if w != word])
        yield f"What is the opposite of {word}?", *(
            [f"{o.capitalize()}.", f"The opposite of {word} is {o}, as anybody who speaks English will tell you."]
            for o in (opposite, wrong))
    for first in range(2, 8):
        for second in range(2, 7):
            right = first + second
            wrong = right + dice.choice([-2, -1, 1, 2, 3])
            yield f"What is {first} plus {second}?", *(
                [f"{n}.", f"{first} plus {second} is {n}: begin with {first} and count {second} further."]
                for n in (right, wrong))


def write(path, rows):
    with open(path, "w") as file:
        json.dump(rows, file, indent=2, ensure_ascii=False)
        file.write("\n")


folder = sys.argv[1]
dice = random.Random(7)
everything = list(rows(dice))
dice.shuffle(everything)
pairs = []
for index, (question, good, bad) in enumerate(everything):
    # The better answer is the longer one in every second pair.
    fitting = [(g, b) for g in good for b in bad if (len(g) > len(b)) == (index % 2 == 0)]
    chosen, rejected = dice.choice(fitting)
    pairs.append(dict(instruction=question, chosen=chosen, rejected=rejected))
write(folder + "/preferences.json", pairs)
marked = [
    dict(instruction=question, output=(good if index % 2 == 0 else bad)[index % 4 // 2],
         label=index % 2 == 0)
    for index, (question, good, bad) in enumerate(everything)]
dice.shuffle(marked)
write(folder + "/feedback.json", marked)
